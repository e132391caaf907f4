import type { BlockRef, StateChange, Storage } from '../../contracts/index.js';
import { decodeValue } from '../state/values.js';

/** Keys that are kept: the newest ones. */
export const KEPT_KEYS = 100_000;

const TABLE = 'produced';

/** What was produced for a key: that many blocks, up to this one. */
export interface ProducedFor extends BlockRef {
  readonly count: number;
}

/**
 * The idempotency keys that blocks were produced for. The store has each in the batch of its blocks; here they are in memory
 * from the first time that one is asked for.
 */
export class RequestKeys {
  readonly #storage: Pick<Storage, 'entries'>;
  readonly #kept: number;
  /** Oldest first; `null` while they are not known. */
  #known: Map<string, ProducedFor> | null = null;
  /** What the batch that is not durable yet has added, and what made room for it. */
  #added = new Set<string>();
  #removed: [string, ProducedFor][] = [];

  /** @param kept - how many of them. */
  constructor(storage: Pick<Storage, 'entries'>, kept = KEPT_KEYS) {
    this.#storage = storage;
    this.#kept = kept;
  }

  /** Reads what the store has, unless that is known. @throws SyncError `STORE_DAMAGED`, `STORE_CLOSED` */
  async load(): Promise<void> {
    if (this.#known !== null) return;
    const found: [string, ProducedFor][] = [];
    for await (const entries of this.#storage.entries(TABLE))
      for (const { key, value } of entries) found.push([key, decodeValue(value) as ProducedFor]);
    // A block has one key at most: that of the request whose last block it is.
    this.#known = new Map(found.sort(([, a], [, b]) => a.height - b.height));
  }

  /** What was produced for a key; `null` for nothing. */
  find(key: string): ProducedFor | null {
    return this.#known?.get(key) ?? null;
  }

  /** Notes a key. @returns what the last block of the request changes in the store: the oldest keys make room. */
  note(key: string, { height, hash, count }: ProducedFor): readonly StateChange[] {
    const known = this.#known ?? new Map<string, ProducedFor>();
    const value = encoded({ height, hash, count });
    const changes: StateChange[] = [{ table: TABLE, key, value, before: null }];
    known.set(key, { height, hash, count });
    this.#added.add(key);
    for (const [oldest, before] of known) {
      if (known.size <= this.#kept) break;
      known.delete(oldest);
      this.#removed.push([oldest, before]);
      changes.push({ table: TABLE, key: oldest, value: null, before: encoded(before) });
    }
    return changes;
  }

  /** What was noted is durable. */
  stored(): void {
    this.#added = new Set();
    this.#removed = [];
  }

  /** Nothing of what was noted is in the store: that costs no reading of all keys again. */
  takeBack(): void {
    for (const key of this.#added) this.#known?.delete(key);
    const removed = this.#removed.filter(([key]) => !this.#added.has(key));
    if (this.#known !== null && removed.length > 0) this.#known = new Map([...removed, ...this.#known]);
    this.stored();
  }

  /** What the store has may be something else now. */
  forget(): void {
    this.#known = null;
    this.stored();
  }
}

function encoded({ height, hash, count }: ProducedFor): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ height, hash, count }));
}
