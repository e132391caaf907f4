import type { BlockRef, Peer } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import type { Chain } from '../../chain/chain.js';

/**
 * The newest block that this chain and a peer's are known to have in common.
 *
 * A peer names points of its chain with growing gaps, so the real fork may lie above; where the nearest point below it is
 * under the finalized block, that block is what both have if the fork may be taken at all.
 *
 * @param ancestors - points of the peer's chain, newest first.
 * @throws SyncError `FORKED` when there is none.
 */
export async function commonBlock(chain: Chain, ancestors: readonly BlockRef[]): Promise<BlockRef> {
  const { finalized } = chain.tip();
  for (const { height, hash } of ancestors) {
    if (finalized !== null && height <= finalized.height) return finalized;
    if (await chain.holds({ height, hash })) return { height, hash };
  }
  if (finalized !== null) return finalized;
  throw new SyncError('FORKED', 'This chain has no block in common with that of the peer.');
}

/** A peer's chain does not have the block that is final here. */
export function belowFinalized({ height, hash }: BlockRef, peer: Peer, cause?: SyncError): SyncError {
  const message = `The chain of ${peer.url} does not have block ${height} ${hash}, which is final here.`;
  return new SyncError('BELOW_FINALIZED', message, { height, peer: peer.url, cause });
}

/** The error for a branch that is not taken, because ours is longer. */
export function shorterBranch(height: number, ours: BlockRef | null): SyncError {
  const message = `The peer is on another branch, which ends at block ${height}; the one here ends at block ${ours?.height ?? -1} and is kept.`;
  return new SyncError('FORKED', message, { height });
}
