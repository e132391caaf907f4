import type {
  AbortOptions,
  BlockHeader,
  BlockRange,
  BlockRef,
  Frame,
  StateEntry,
  StoreTable,
} from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { throwIfAborted } from '../../src/internal/abort.js';
import { damaged, framesFrom, headerAt, refsOf } from './block-rows.js';
import type { Run } from './database.js';
import { askSeen } from './seen.js';
import { entriesAfter } from './state-rows.js';
import type { Moment } from './store-row.js';
import { findTile, framesInTile, headsInTile, type TileSource } from './tile-reads.js';
import { tilesIn } from './tile-rows.js';

/** Heights whose refs are read at once. */
const REFS = 1024;

/** What reads come from. */
export interface Source extends TileSource {
  /** Runs a step that changes nothing, again and again while the server is away. */
  reading<T>(step: (run: Run) => Promise<T>): Promise<T>;
  /** Keeps the rows of a moment until the function that it gives is called. */
  hold(at: Moment): () => void;
  /** @throws SyncError `STORE_CLOSED` */
  check(): void;
}

/** Frames of a moment, which is that of the first batch. */
export async function* readBlocks(
  source: Source,
  moment: () => Moment,
  range: BlockRange,
  { signal }: AbortOptions,
): AsyncGenerator<readonly Frame[]> {
  source.check();
  throwIfAborted(signal);
  const at = moment();
  const release = source.hold(at);
  try {
    const { base, head } = at.checkpoint;
    const to = Math.min(range.to, head?.height ?? -1);
    for (let from = Math.max(range.from, base); from <= to;) {
      throwIfAborted(signal);
      source.check();
      const frames = await pageOf(source, at, { from, to });
      from += frames.length;
      yield frames;
    }
  } finally {
    release();
  }
}

/** The frames of heights that a moment has: about 1 MiB of them. A tile is read where there are no blocks by themselves. */
export function pageOf(source: Source, at: Moment, range: BlockRange): Promise<readonly Frame[]> {
  return whole(source, at, async (run) => {
    const isInTile = source.memory.recall(at, range.from) !== null;
    const single = isInTile ? [] : await framesFrom(run, source.tables, at, range);
    if (single.length > 0) return single;
    const tile = await findTile(run, source, at, range.from);
    const frames = tile === null ? [] : await framesInTile(run, source, { store: at.store, tile }, range);
    if (frames.length === 0) throw damaged(range.from, 'missing');
    return frames;
  });
}

/** The header of a height that a moment has. */
export function headerOf(source: Source, at: Moment, height: number): Promise<BlockHeader> {
  return whole(source, at, async (run) => {
    const header = await headerAt(run, source.tables, at, height);
    if (header !== null) return header;
    const tile = await findTile(run, source, at, height);
    const heads = tile === null ? [] : await headsInTile(run, source, at.store, tile);
    const head = heads[height - (tile?.from ?? 0)];
    if (head === undefined) throw damaged(height, 'missing');
    return head.header;
  });
}

/** Refs of the blocks of a range of heights, newest first. */
export async function refsIn(
  source: Source,
  at: Moment,
  { from, to }: BlockRange,
): Promise<readonly BlockRef[]> {
  const refs: BlockRef[] = [];
  for (let top = to; top >= from; top -= REFS) {
    const range = { from: Math.max(from, top - REFS + 1), to: top };
    refs.push(...(await source.reading((run) => refsOfPage(run, source, at, range))));
  }
  return refs;
}

async function refsOfPage(
  run: Run,
  source: Source,
  at: Moment,
  range: BlockRange,
): Promise<readonly BlockRef[]> {
  const found = new Map<number, BlockRef>();
  for (const ref of await refsOf(run, source.tables, at, range)) found.set(ref.height, ref);
  if (found.size <= range.to - range.from)
    for await (const tiles of tilesIn(run, source.tables, at, range))
      for (const tile of tiles)
        for (const { header } of await headsInTile(run, source, at.store, tile))
          found.set(header.height, { height: header.height, hash: header.hash });
  const refs: BlockRef[] = [];
  for (let height = range.to; height >= range.from; height--) {
    const ref = found.get(height);
    if (ref !== undefined) refs.push(ref);
  }
  return refs;
}

/** What is not there is damage only where the server has all of the moment. */
export function whole<T>(source: Source, at: Moment, step: (run: Run) => Promise<T>): Promise<T> {
  return source.reading(async (run) => {
    try {
      return await step(run);
    } catch (error) {
      if (isSyncError(error, 'STORE_DAMAGED')) await askSeen(run, source.tables, at);
      throw error;
    }
  });
}

/** Entries of a moment, which is that of the first batch. */
export async function* readEntries(
  source: Source,
  moment: () => Moment,
  table: StoreTable,
  { signal }: AbortOptions,
): AsyncGenerator<readonly StateEntry[]> {
  source.check();
  throwIfAborted(signal);
  const at = moment();
  const release = source.hold(at);
  try {
    for (let after: string | null = null; ;) {
      throwIfAborted(signal);
      source.check();
      const asked = { table, after };
      const entries: readonly StateEntry[] = await source.reading((run) =>
        entriesAfter(run, source.tables, at, asked),
      );
      const last = entries.at(-1);
      if (last === undefined) return;
      after = last.key;
      yield entries;
    }
  } finally {
    release();
  }
}
