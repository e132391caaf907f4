import type { BlockRef, Storage } from '../../contracts/index.js';
import type { Chain } from '../chain.js';

/** Blocks that a consumer may have had and that were dropped. */
export interface RollbackNote {
  /** The newest block that stands. */
  readonly to: BlockRef;
  /** Newest first. */
  readonly dropped: readonly BlockRef[];
}

/** The note of a consumer is kept as a position of its own; its hash holds what a position has no room for. */
const nameOf = (consumer: string): string => `blockferry:rollback:${consumer}`;

/**
 * Notes, before blocks are dropped, which ones a consumer has to be told of. It counts as long as the block that the
 * consumer has reached is not on the chain: so it is never taken away, and one that was not told yet grows.
 *
 * @param reached - the last block that was handed over.
 */
export async function noteRollback(
  storage: Pick<Storage, 'cursor' | 'setCursor' | 'header'>,
  consumer: string,
  reached: BlockRef | null,
  rollback: RollbackNote,
): Promise<void> {
  if (reached === null) return;
  const header = await storage.header(reached.height);
  const untold = header?.hash === reached.hash ? null : read(await storage.cursor(nameOf(consumer)));
  const { to, dropped } = untold === null ? rollback : merge(untold, rollback);
  const hash = JSON.stringify({ hash: to.hash, dropped });
  await storage.setCursor(nameOf(consumer), { height: to.height, hash });
}

/** What was dropped since a consumer was told last; `null` when nothing was noted. */
export async function readRollback(chain: Chain, consumer: string): Promise<RollbackNote | null> {
  return read(await chain.cursor(nameOf(consumer)));
}

/** Blocks above the first fork that were dropped since belong to a branch that the consumer has not seen. */
function merge(first: RollbackNote, second: RollbackNote): RollbackNote {
  if (second.to.height >= first.to.height) return first;
  const further = second.dropped.filter(({ height }) => height <= first.to.height);
  return { to: second.to, dropped: [...first.dropped, ...further] };
}

function read(note: BlockRef | null): RollbackNote | null {
  if (note === null) return null;
  const { hash, dropped } = JSON.parse(note.hash) as { hash: string; dropped: readonly BlockRef[] };
  return { to: { height: note.height, hash }, dropped };
}
