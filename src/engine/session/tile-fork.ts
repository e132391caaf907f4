import type { BlockRef, VerifiedTile } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { PAGE_HEIGHTS } from '../../tiles/name.js';

/**
 * The error for a first tile that is of another branch: a peer that is asked for tiles isn't told which block we have. It
 * names points of that branch below our block, newest first, where the tile has any.
 *
 * @param head - the block that the tile should have, or follow; `null` before the first block.
 * @returns `null` for a tile that has that block, or follows it
 */
export function tileFork(tile: VerifiedTile, head: BlockRef | null): SyncError | null {
  if (head === null) return null;
  const { height } = head;
  const { from, previousHash, headers } = tile;
  const below = { height: from - 1, hash: previousHash };
  const theirs = height === below.height ? below : headers[height - from];
  if (theirs === undefined || theirs.hash === head.hash) return null;
  const message = `The peer has block ${height} ${theirs.hash} in a tile; the block here is ${head.hash}.`;
  if (height === below.height) return new SyncError('FORKED', message, { height });
  const own = headers.slice(0, height - from).map((header) => ({ height: header.height, hash: header.hash }));
  return new SyncError('FORKED', message, { height, ancestors: [...own.reverse(), below] });
}

/** Whether the index that names a tile is another answer than that which names the one before: the peer's chain may have changed. */
export function isOnNewPage({ from }: VerifiedTile): boolean {
  return from % PAGE_HEIGHTS === 0;
}
