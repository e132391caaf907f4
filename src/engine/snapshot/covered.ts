import type { BlockRef, SnapshotClaims } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import type { PinnedChain } from '../../chain/pins.js';
import type { TrustVerdict } from './trust.js';

/**
 * Checks what a manifest says against the blocks that the host knows, before anything is fetched. Those that the snapshot
 * includes are compared as its blocks come in. Those below its base can't be: it has to be signed, and of the pinned chain.
 *
 * @throws SyncError `CHECKPOINT_MISMATCH`, `SNAPSHOT_UNTRUSTED`, `CHAIN_MISMATCH`
 */
export function checkCovered(claims: SnapshotClaims, verdict: TrustVerdict, pinned: PinnedChain): void {
  const { pins } = pinned;
  const { height, base, blockHash: hash } = claims;
  pins.check({ height, hash });
  const uncovered = pins.below(base);
  if (uncovered.length === 0) return;
  // The first block's hash is the chain's name, unless it was given another one.
  const chainId = pinned.chainId ?? pins.hashAt(0);
  const lacks = verdict.pinned ? 'signatures' : chainId === null ? 'a `chainId` that is configured' : null;
  if (lacks !== null) {
    const message = `The snapshot begins at block ${base}, above the checkpoint ${textOf(uncovered)}; so it needs ${lacks}.`;
    throw new SyncError('SNAPSHOT_UNTRUSTED', message, { height });
  }
  if (claims.chainId === chainId) return;
  const message = `The snapshot is of the chain ${JSON.stringify(claims.chainId)}; the pinned one is ${JSON.stringify(chainId)}.`;
  throw new SyncError('CHAIN_MISMATCH', message, { height });
}

/** Which blocks that the host knows a snapshot says nothing of; `null` when there are none. */
export function uncoveredText({ base }: SnapshotClaims, { pins }: PinnedChain): string | null {
  const uncovered = pins.below(base);
  if (uncovered.length === 0) return null;
  return `The snapshot begins at block ${base} and rests on its signatures: not compared with the checkpoint ${textOf(uncovered)}.`;
}

/** Checkpoints that a text names one by one. */
const MAX_NAMED = 8;

function textOf(blocks: readonly BlockRef[]): string {
  const named = blocks.slice(0, MAX_NAMED).map(({ height, hash }) => `${height}:${hash}`);
  const more = blocks.length - named.length;
  return named.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
