import type {
  BlockRef,
  CommitBatch,
  Frame,
  StateChange,
  StateEntry,
  StateTable,
} from '../../src/contracts/index.js';
import { META_KEY, rollbackKey, runKey, stateKey, undoKey } from './keys.js';
import { type BlockInfo, encodeJson, encodeUndo, type Meta, sealValue } from './records.js';
import type { Dropped } from './dropped.js';
import { encodeRun, encodeTileRun, runsOf } from './runs.js';
import type { Place } from './segment-files.js';
import type { TileRecord } from './tile-record.js';

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
 * What a batch of blocks writes beside the frames: runs, state, undo records and what the store is afterwards.
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
  const infos = infosOf(batch.blocks, places);
  for (const run of runsOf(infos)) operations.push(runOperation(run));
  for (const block of batch.blocks) {
    const { height } = block.frame.header;
    const undo = await state.apply(block.changes);
    if (undo.length > 0 && height > final) operations.push(put(undoKey(height), encodeUndo(undo)));
  }
  operations.push(...state.operations(), metaOperation(meta));
  return operations;
}

/** What is kept of blocks beside their bytes. */
export function infosOf(
  blocks: readonly { readonly frame: Frame; readonly changes: readonly unknown[] }[],
  places: readonly Place[],
): readonly BlockInfo[] {
  return blocks.map(({ frame: { header, codec, documentBytes }, changes }, at) => {
    return { header, codec, documentBytes, changes: changes.length, place: places[at] as Place };
  });
}

/** The operation that writes the record of a run of blocks. */
export function runOperation(run: readonly BlockInfo[]): Put {
  return put(runKey(run[0]?.header.height ?? 0), encodeRun(run));
}

/** The operations that put runs of frames in the place of others. */
export function runsOperations(runs: readonly number[], blocks: readonly BlockInfo[]): Operation[] {
  const gone = runs.map((height): Operation => ({ type: 'del', key: runKey(height) }));
  return [...gone, ...[...runsOf(blocks)].map(runOperation)];
}

/** The operations that put a tile in the place of runs of frames. @param rest - what of those lies beside the tile */
export function tileOperations(
  tile: TileRecord,
  runs: readonly number[],
  rest: readonly (readonly BlockInfo[])[],
): Operation[] {
  return [
    ...runs.map((height): Operation => ({ type: 'del', key: runKey(height) })),
    ...rest.filter((blocks) => blocks.length > 0).map(runOperation),
    put(runKey(tile.from), encodeTileRun(tile)),
  ];
}

/**
 * What dropping blocks writes; what the store is afterwards comes on top.
 *
 * @param places - of the frames that were a tile, as many as {@link Dropped.restored}.
 * @param number - of the rollback, from 1.
 */
export function rollbackOperations(
  to: BlockRef | null,
  { runs, cut, restored, dropped, undo }: Dropped,
  places: readonly Place[],
  number: number,
): Operation[] {
  const operations = runs.map((height): Operation => ({ type: 'del', key: runKey(height) }));
  const infos = restored.map(({ head, frame }, at): BlockInfo => {
    return { ...head, codec: frame.codec, place: places[at] as Place };
  });
  for (const run of [...runsOf(cut), ...runsOf(infos)]) operations.push(runOperation(run));
  for (const { height } of dropped) operations.push({ type: 'del', key: undoKey(height) });
  for (const change of undoneState(undo).values()) operations.push(stateOperation(change));
  const note = encodeJson({ to: to?.height ?? -1, dropped: dropped.length });
  operations.push(put(rollbackKey(number), note));
  return operations;
}

/** The values that dropped blocks have changed as they were before, by table and key. */
function undoneState(undo: Dropped['undo']): ReadonlyMap<string, StateChange> {
  return new Map(undo.flat().map((change) => [nameOf(change.table, change.key), change]));
}

/** Reads the state as it was before blocks that are dropped. */
export function stateBefore({ undo }: Dropped, readState: ReadState): ReadState {
  const undone = undoneState(undo);
  return (table, key) => {
    const change = undone.get(nameOf(table, key));
    return change === undefined ? readState(table, key) : Promise.resolve(change.value);
  };
}

/** No table has a slash in its name. */
const nameOf = (table: StateTable, key: string): string => `${table}/${key}`;

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
      const name = nameOf(change.table, change.key);
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
