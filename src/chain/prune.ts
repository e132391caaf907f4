import type { BlockRef, Storage } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { MAX_TILE_BLOCKS } from '../tiles/cut.js';

/** Which blocks are dropped: exactly one of `keep` and `before`. */
export interface PruneOptions {
  /** Newest blocks that stay at least, 1 or more. */
  readonly keep?: number | undefined;
  /** Height below which blocks go. */
  readonly before?: number | undefined;
  /**
   * Whether to say only what would go.
   *
   * @defaultValue `false`
   */
  readonly dryRun?: boolean | undefined;
}

/** What was dropped, or would be. */
export interface Pruned {
  /** Oldest height held before. */
  readonly from: number;
  /** Oldest height held from now on: `from` when nothing goes. */
  readonly base: number;
  /** Blocks that are gone. */
  readonly blocks: number;
  /** Newest settled height, above which nothing goes; `null` while none is settled. */
  readonly settled: number | null;
}

/** Heights that one batch drops: other writes have their turn between two. */
const STEP = 64 * MAX_TILE_BLOCKS;

/** @throws TypeError for options that don't say what goes */
export function checkPrune({ keep, before, dryRun }: PruneOptions): void {
  if ((keep === undefined) === (before === undefined))
    throw new TypeError('`prune` takes either `keep`, how many blocks stay, or `before`, a height.');
  if (keep !== undefined && !(Number.isSafeInteger(keep) && keep >= 1))
    throw new TypeError(`\`keep\` is ${String(keep)}, not a number of blocks from 1 on.`);
  if (before !== undefined && !(Number.isSafeInteger(before) && before >= 0))
    throw new TypeError(`\`before\` is ${String(before)}, which is no height.`);
  if (dryRun !== undefined && typeof dryRun !== 'boolean') throw new TypeError('`dryRun` is true or false.');
}

/** What goes of a store: nothing above the newest settled height, and never a part of a tile. */
export function planPruning(
  { head, base: from }: { readonly head: BlockRef | null; readonly base: number },
  { keep, before }: PruneOptions,
  settled: number,
): Pruned {
  const top = head?.height ?? -1;
  const wanted = keep === undefined ? (before ?? 0) : top + 1 - keep;
  const lowest = Math.min(wanted, settled, top);
  const base = Math.max(from, lowest - (lowest % MAX_TILE_BLOCKS));
  return { from, base, blocks: base - from, settled: settled < 0 ? null : settled };
}

/** The store's way to drop blocks. @throws SyncError `STORE_READ_ONLY` where another process writes; TypeError where it has none */
export function pruneOf(storage: Storage): (to: BlockRef) => Promise<void> {
  if (storage.watch !== undefined && storage.roles?.now !== 'writer')
    throw new SyncError(
      'STORE_READ_ONLY',
      'The process that writes the store prunes it; this one only reads it.',
    );
  if (storage.prune === undefined)
    throw new TypeError(`The storage \`${storage.name}\` can't drop old blocks.`);
  return (to) => storage.prune?.(to) ?? Promise.resolve();
}

/** The bases to go through, the last one included. */
export function* pruneSteps({ from, base }: Pruned): Generator<number, void, undefined> {
  for (let next = from; next < base;) {
    next = Math.min(base, next - (next % MAX_TILE_BLOCKS) + STEP);
    yield next;
  }
}
