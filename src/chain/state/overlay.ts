import type { StateChange, StoreTable } from '../../contracts/index.js';

/** Reads a value of the state as it was before; `null` for one that isn't set. */
export type ReadState = (table: StoreTable, key: string) => Promise<Uint8Array | null>;

/** What a change is counted as besides its key and its value, in bytes. */
const CHANGE_BYTES = 64;

/** Changes of the state on top of what was before them; the last change of a key counts. */
export class StateOverlay {
  readonly #below: ReadState;
  readonly #changes = new Map<string, StateChange>();
  #bytes = 0;

  constructor(below: ReadState) {
    this.#below = below;
  }

  /** About how much memory the changes take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The changes, in the order in which their keys were first changed. */
  changes(): readonly StateChange[] {
    return [...this.#changes.values()];
  }

  async get(table: StoreTable, key: string): Promise<Uint8Array | null> {
    const change = this.#changes.get(nameOf(table, key));
    return change === undefined ? this.#below(table, key) : change.value;
  }

  set(change: StateChange): void {
    this.#bytes = this.bytesWith(change);
    this.#changes.set(nameOf(change.table, change.key), change);
  }

  /** What `bytes` would be after one more change. */
  bytesWith(change: StateChange): number {
    const before = this.#changes.get(nameOf(change.table, change.key));
    return this.#bytes + sizeOf(change) - (before === undefined ? 0 : sizeOf(before));
  }
}

/** No table has a slash in its name. */
function nameOf(table: StoreTable, key: string): string {
  return `${table}/${key}`;
}

function sizeOf({ key, value }: StateChange): number {
  return CHANGE_BYTES + key.length + (value?.byteLength ?? 0);
}
