import type { AbortOptions, BlockRange, Frame, StateEntry, StateTable } from '../../src/contracts/index.js';
import { throwIfAborted } from '../../src/internal/abort.js';
import { damaged, framesFrom } from './block-rows.js';
import type { Run } from './database.js';
import type { Tables } from './schema.js';
import { entriesAfter } from './state-rows.js';
import type { Moment } from './store-row.js';

/** What reads come from. */
export interface Source {
  readonly tables: Tables;
  readonly read: Run;
  /** @throws SyncError `STORE_CLOSED` */
  check(): void;
  /** @throws SyncError `STORE_CLOSED` when a moment's generation is not the store's any more. */
  checkCurrent(moment: Moment): void;
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
  const { base, head } = at.checkpoint;
  const to = Math.min(range.to, head?.height ?? -1);
  for (let from = Math.max(range.from, base); from <= to;) {
    throwIfAborted(signal);
    source.check();
    const frames = await framesFrom(source.read, source.tables, at, { from, to });
    checkWhole(source, at, from, frames);
    from += frames.length;
    yield frames;
  }
}

function checkWhole(source: Source, at: Moment, from: number, frames: readonly Frame[]): void {
  const missing = frames.findIndex(({ header }, index) => header.height !== from + index);
  if (frames.length > 0 && missing < 0) return;
  source.checkCurrent(at);
  throw damaged(from + Math.max(missing, 0), 'missing');
}

/** Entries of a moment, which is that of the first batch. */
export async function* readEntries(
  source: Source,
  moment: () => Moment,
  table: StateTable,
  { signal }: AbortOptions,
): AsyncGenerator<readonly StateEntry[]> {
  source.check();
  throwIfAborted(signal);
  const at = moment();
  for (let after: string | null = null; ;) {
    throwIfAborted(signal);
    source.check();
    const entries: readonly StateEntry[] = await entriesAfter(source.read, source.tables, at, {
      table,
      after,
    });
    source.checkCurrent(at);
    const last = entries.at(-1);
    if (last === undefined) return;
    after = last.key;
    yield entries;
  }
}
