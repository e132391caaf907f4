import type {
  AbortOptions,
  BlockHeader,
  BlockRange,
  Frame,
  StateEntry,
  StoreTable,
} from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { throwIfAborted } from '../../src/internal/abort.js';
import { damaged, framesFrom, headerAt } from './block-rows.js';
import type { Run } from './database.js';
import type { Tables } from './schema.js';
import { askSeen } from './seen.js';
import { entriesAfter } from './state-rows.js';
import type { Moment } from './store-row.js';

/** What reads come from. */
export interface Source {
  readonly tables: Tables;
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

/** The frames of heights that a moment has: about 1 MiB of them. */
export function pageOf(source: Source, at: Moment, range: BlockRange): Promise<readonly Frame[]> {
  return whole(source, at, async (run) => {
    const frames = await framesFrom(run, source.tables, at, range);
    const missing = frames.findIndex(({ header }, index) => header.height !== range.from + index);
    if (frames.length === 0 || missing >= 0) throw damaged(range.from + Math.max(missing, 0), 'missing');
    return frames;
  });
}

/** The header of a height that a moment has. */
export function headerOf(source: Source, at: Moment, height: number): Promise<BlockHeader> {
  return whole(source, at, async (run) => {
    const header = await headerAt(run, source.tables, at, height);
    if (header === null) throw damaged(height, 'missing');
    return header;
  });
}

/** What is not there is damage only where the server has all of the moment. */
function whole<T>(source: Source, at: Moment, step: (run: Run) => Promise<T>): Promise<T> {
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
