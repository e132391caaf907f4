import type { BlockRange, BlockRef, Checkpoint } from '../../src/contracts/index.js';
import { planPrune } from '../../src/internal/commit-rules.js';
import { runKey } from './keys.js';
import type { Reader } from './reader.js';
import type { BlockInfo } from './records.js';
import { rangeOf } from './runs.js';
import { type Place, type PlaceSum, sumPlaces } from './segment-files.js';
import type { StoreHandle } from './store-handle.js';
import { metaOperation, runsOperations } from './writer.js';

/** What goes with the blocks of a range, from the base on. */
interface Below {
  /** First heights of the runs that go, in order. */
  readonly runs: readonly number[];
  /** What stays of the last of them, where it has blocks above the range. */
  readonly kept: readonly BlockInfo[];
  /** Places that no longer count. */
  readonly free: { readonly frames: readonly PlaceSum[]; readonly tiles: readonly PlaceSum[] };
}

/**
 * Drops the blocks below one. To be called in the turn of a write.
 *
 * @returns the checkpoint that there was.
 * @throws as {@link Storage.prune}
 */
export async function pruneBelow(handle: StoreHandle, to: BlockRef): Promise<Checkpoint> {
  const store = handle.writable();
  const { contents, reader, meta: before } = store;
  const found = await handle.held(to.height, (held) => held.header(to.height));
  const checkpoint = planPrune(to, found, before.checkpoint);
  const { base } = before.checkpoint;
  if (checkpoint.base === base) return before.checkpoint;
  const below = await handle.guard(() => collectBelow(reader, { from: base, to: to.height - 1 }));
  const meta = { ...before, checkpoint };
  const operations = [...runsOperations(below.runs, below.kept), metaOperation(meta)];
  reader.forget();
  await handle.write(() => contents.db.batch(operations, { sync: true }));
  reader.forget();
  store.meta = meta;
  store.plan.prune(checkpoint.base);
  await contents.segments.free(below.free.frames);
  await contents.tiles.free(below.free.tiles);
  // LevelDB has deleted records on the disk until it happens to merge their files. Failing here fails the next write.
  await contents.db.compactRange(runKey(base), runKey(to.height)).catch(() => undefined);
  return before.checkpoint;
}

/** What the blocks of a range take with them. @throws SyncError `STORE_DAMAGED` */
async function collectBelow(reader: Reader, range: BlockRange): Promise<Below> {
  const runs: number[] = [];
  const frames: Place[] = [];
  const tiles: Place[] = [];
  const kept: BlockInfo[] = [];
  for await (const run of reader.runs(range, {})) {
    runs.push(rangeOf(run).from);
    if (run.kind === 'tile') tiles.push(run.tile.place);
    else
      for (const info of run.blocks) {
        if (info.header.height > range.to) kept.push(info);
        else frames.push(info.place);
      }
  }
  return { runs, kept, free: { frames: sumPlaces(frames), tiles: sumPlaces(tiles) } };
}
