import type { BlockRef, PeerStatus } from '../../contracts/index.js';
import type { Chain } from '../../chain/chain.js';
import type { BranchRules } from './branch.js';

/** What judging a peer's branch by what its status says of it works with. */
export interface ClaimDeps {
  readonly chain: Chain;
  /** What the peer said of itself; `null` for a plain server. */
  readonly status: PeerStatus | null;
  /** Whether the peer is followed, and waited for. */
  readonly follow: boolean;
  readonly branches: BranchRules;
  /** Whether the peer's word is enough to drop blocks of ours. */
  readonly trustsRollbacks: boolean;
}

/**
 * Whether a peer that is behind is worth asking from its own head on: it is somewhat behind and followed, or is on a branch
 * that comes before ours.
 *
 * @param theirs - the head that it claims, lower than ours.
 */
export async function isWorthAsking(
  { chain, branches, follow }: ClaimDeps,
  theirs: BlockRef,
  head: BlockRef,
  signal: AbortSignal,
): Promise<boolean> {
  const { base, finalized } = chain.tip();
  const lowest = Math.max(base, finalized?.height ?? 0);
  if (theirs.height < lowest) return false;
  if (follow && theirs.height >= head.height - branches.maxRollbackBlocks) return true;
  if (branches.agree <= 1) return false;
  return branches.isPreferred({ head: theirs, has: null, isLonger: false }, signal);
}

/**
 * The head of a peer that itself says that its branch is too short: one that doesn't wait for it to grow asks no further.
 *
 * @returns `null` when the branch may be long enough.
 */
export async function claimedTooShort(
  { status, follow, branches, trustsRollbacks }: ClaimDeps,
  head: BlockRef,
  signal: AbortSignal,
): Promise<BlockRef | null> {
  const claimed = status?.head ?? null;
  if (follow || trustsRollbacks || claimed === null || claimed.height > head.height) return null;
  if (claimed.height === head.height && branches.takesTie(claimed)) return null;
  return (await branches.isPreferred({ head: claimed, has: null, isLonger: false }, signal)) ? null : claimed;
}
