import type {
  BlockRef,
  CommitBatch,
  Frame,
  StateChange,
  StateEntry,
  StoreTable,
} from '../../src/contracts/index.js';
import { META_KEY, rollbackKey, runKey, stateKey, undoKey } from './keys.js';
import { type BlockInfo, encodeJson, encodeUndo, type Meta, sealValue } from './records.js';
import type { Dropped } from './dropped.js';
import { encodeRun, encodeTileRun, runsOf } from './runs.js';
import type { Place } from './segment-files.js';
import type { StoredRun } from './tile-job.js';
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
export type ReadState = (table: StoreTable, key: string) => Promise<Uint8Array | null>;

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
 * What a batch changes beside blocks: state, undo records and what the store is afterwards.
 *
 * @throws what reading the state does
 */
export async function stateOperations(
  { blocks }: CommitBatch,
  meta: Meta,
  readState: ReadState,
): Promise<Operation[]> {
  const operations: Operation[] = [];
  const before = await valuesBefore(blocks, readState);
  const state = new StateOverlay((table, key) => before.get(nameOf(table, key)) ?? null);
  const final = meta.checkpoint.finalized?.height ?? -1;
  for (const { frame, changes } of blocks) {
    // Most chains keep no state: waiting for nothing, block after block, was a sixth of what a sync allocated.
    if (changes.length === 0) continue;
    const { height } = frame.header;
    const undo = state.apply(changes);
    if (undo.length > 0 && height > final) operations.push(put(undoKey(height), encodeUndo(undo)));
  }
  operations.push(...state.operations(), metaOperation(meta));
  return operations;
}

/** So many values are read at once. */
const READS = 256;

/** The values that blocks change as they are now, by table and key. One by one they took the most of a commit. */
async function valuesBefore(
  blocks: CommitBatch['blocks'],
  readState: ReadState,
): Promise<ReadonlyMap<string, Uint8Array | null>> {
  const wanted = new Map<string, StateChange>();
  for (const { changes } of blocks)
    for (const change of changes) {
      const name = nameOf(change.table, change.key);
      if (!wanted.has(name)) wanted.set(name, change);
    }
  const before = new Map<string, Uint8Array | null>();
  for (const [name, change] of wanted) if (change.before !== undefined) before.set(name, change.before);
  const names = [...wanted].filter(([name]) => !before.has(name));
  for (let at = 0; at < names.length; at += READS) {
    const read = async ([name, { table, key }]: (typeof names)[number]): Promise<void> => {
      before.set(name, await readState(table, key));
    };
    await Promise.all(names.slice(at, at + READS).map(read));
  }
  return before;
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

/** The operation that writes the record of a tile. */
export const tileOperation = (tile: TileRecord): Put => put(runKey(tile.from), encodeTileRun(tile));

/** The operations that put a tile in the place of runs. @param rest - what of those lies beside the tile */
export function tileOperations(
  tile: TileRecord,
  runs: readonly StoredRun[],
  rest: readonly StoredRun[],
): Operation[] {
  return [
    ...runs.map(({ first }): Operation => ({ type: 'del', key: runKey(first) })),
    ...rest.map(({ first, body }) => put(runKey(first), body)),
    tileOperation(tile),
  ];
}

/**
 * What dropping blocks writes; blocks that become frames again, and what the store is afterwards, come on top.
 *
 * @param number - of the rollback, from 1.
 */
export function rollbackOperations(
  to: BlockRef | null,
  { runs, cut, undecided, dropped, undo }: Dropped,
  number: number,
): Operation[] {
  const operations = runs.map((height): Operation => ({ type: 'del', key: runKey(height) }));
  for (const run of runsOf(cut)) operations.push(runOperation(run));
  for (const tile of undecided) operations.push(tileOperation({ ...tile, decidedAt: null }));
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
const nameOf = (table: StoreTable, key: string): string => `${table}/${key}`;

/** The operation that sets a value of the state. */
export function entryOperation(table: StoreTable, { key, value }: StateEntry): Put {
  return put(stateKey(table, key), value);
}

function stateOperation({ table, key, value }: StateChange): Operation {
  const at = stateKey(table, key);
  return value === null ? { type: 'del', key: at } : put(at, value);
}

/** The state as it becomes within a batch. */
class StateOverlay {
  readonly #before: (table: StoreTable, key: string) => Uint8Array | null;
  readonly #changed = new Map<string, StateChange>();

  constructor(before: (table: StoreTable, key: string) => Uint8Array | null) {
    this.#before = before;
  }

  /** Makes a block's changes. @returns the changes that take them back, in the order to make them. */
  apply(changes: readonly StateChange[]): readonly StateChange[] {
    const undo: StateChange[] = [];
    for (const change of changes) {
      const name = nameOf(change.table, change.key);
      const known = this.#changed.get(name);
      const value = known === undefined ? this.#before(change.table, change.key) : known.value;
      undo.unshift({ table: change.table, key: change.key, value });
      this.#changed.set(name, change);
    }
    return undo;
  }

  operations(): readonly Operation[] {
    return [...this.#changed.values()].map(stateOperation);
  }
}
