import type {
  BlockRef,
  CommitBatch,
  Frame,
  StateChange,
  StateEntry,
  StateTable,
} from '../../src/contracts/index.js';
import { headerKey, META_KEY, rollbackKey, stateKey, undoKey } from './keys.js';
import { encodeInfo, encodeJson, encodeUndo, type Meta, sealValue } from './records.js';
import type { Place } from './segment-files.js';

/** Writes a value. */
export interface Put {
  readonly type: 'put';
  readonly key: Buffer;
  readonly value: Buffer;
}

/** One operation of a LevelDB batch. */
export type Operation = Put | { readonly type: 'del'; readonly key: Buffer };

/** Reads a value of the state as it is in the store. */
export type ReadState = (table: StateTable, key: string) => Promise<Uint8Array | null>;

const put = (key: Buffer, ...parts: readonly Uint8Array[]): Put => ({
  type: 'put',
  key,
  value: sealValue(key, ...parts),
});

/** The operation that says what the store is. */
export function metaOperation(meta: Meta): Put {
  return put(META_KEY, encodeJson(meta));
}

/**
 * What a batch of blocks writes beside the frames: small records, state, undo records and what the store is afterwards.
 *
 * @param places - of the blocks' frames.
 */
export async function commitOperations(
  batch: CommitBatch,
  places: readonly Place[],
  meta: Meta,
  readState: ReadState,
): Promise<Operation[]> {
  const operations: Operation[] = [];
  const state = new StateOverlay(readState);
  const final = meta.checkpoint.finalized?.height ?? -1;
  for (const [at, block] of batch.blocks.entries()) {
    const { height } = block.frame.header;
    operations.push(infoOperation(block.frame, block.changes.length, places[at] as Place));
    const undo = await state.apply(block.changes);
    if (undo.length > 0 && height > final) operations.push(put(undoKey(height), encodeUndo(undo)));
  }
  operations.push(...state.operations(), metaOperation(meta));
  return operations;
}

/** The operation that writes a block's small record. */
export function infoOperation(frame: Frame, changes: number, place: Place): Put {
  return put(headerKey(frame.header.height), encodeInfo({ ...frame, changes, place }));
}

/**
 * What dropping blocks writes.
 *
 * @param undo - of the dropped blocks, newest first.
 */
export function rollbackOperations(
  dropped: readonly BlockRef[],
  undo: readonly (readonly StateChange[])[],
  meta: Meta,
): Operation[] {
  const operations: Operation[] = [];
  for (const { height } of dropped) {
    for (const key of [headerKey(height), undoKey(height)]) operations.push({ type: 'del', key });
  }
  const last = new Map<string, StateChange>();
  for (const change of undo.flat()) last.set(`${change.table}/${change.key}`, change);
  for (const change of last.values()) operations.push(stateOperation(change));
  const note = encodeJson({ to: meta.checkpoint.head?.height ?? -1, dropped: dropped.length });
  operations.push(put(rollbackKey(meta.rollbacks), note), metaOperation(meta));
  return operations;
}

/** The operation that sets a value of the state. */
export function entryOperation(table: StateTable, { key, value }: StateEntry): Put {
  return put(stateKey(table, key), value);
}

function stateOperation({ table, key, value }: StateChange): Operation {
  const at = stateKey(table, key);
  return value === null ? { type: 'del', key: at } : put(at, value);
}

/** The state as it becomes within a batch. */
class StateOverlay {
  readonly #readState: ReadState;
  readonly #changed = new Map<string, StateChange>();

  constructor(readState: ReadState) {
    this.#readState = readState;
  }

  /** Makes a block's changes. @returns the changes that take them back, in the order to make them. */
  async apply(changes: readonly StateChange[]): Promise<readonly StateChange[]> {
    const undo: StateChange[] = [];
    for (const change of changes) {
      const name = `${change.table}/${change.key}`;
      const known = this.#changed.get(name);
      const value = known === undefined ? await this.#readState(change.table, change.key) : known.value;
      undo.unshift({ table: change.table, key: change.key, value });
      this.#changed.set(name, change);
    }
    return undo;
  }

  operations(): readonly Operation[] {
    return [...this.#changed.values()].map(stateOperation);
  }
}
