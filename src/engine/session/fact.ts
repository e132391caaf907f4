import type { BlockRef, CommitTile, Frame } from '../../contracts/index.js';
import type { Equivocation } from '../../chain/evidence.js';
import type { SyncError } from '../../errors/index.js';

/** The peer's chain forked while it was read, or its branch is shorter than ours, which it may not be for long. */
export type PassingFork = 'replaced' | 'shorter';

/**
 * What happened in a session. Each batch and each rollback is one fact, told once, after it is durable.
 */
export type SessionFact =
  /** `tiles` are those that the frames came in, as far as they were taken whole. */
  | { readonly kind: 'durable'; readonly frames: readonly Frame[]; readonly tiles: readonly CommitTile[] }
  /** Blocks above `to` were dropped, newest first; at least one. */
  | { readonly kind: 'dropped'; readonly to: BlockRef; readonly dropped: readonly BlockRef[] }
  /** The peer went back, or is on another branch, and has not enough to take the place of our blocks: they are kept. */
  | { readonly kind: 'held'; readonly ours: BlockRef; readonly theirs: BlockRef }
  /** All that the peer had is durable, and what comes now is live. */
  | { readonly kind: 'live' }
  /** A producer has signed this block of the peer's and another one at its height. */
  | { readonly kind: 'equivocation'; readonly found: Equivocation }
  /** The peer repeated the newest block. */
  | { readonly kind: 'repeat'; readonly height: number }
  /** The session fails by a fork that the same peer may have got over when it is asked again. */
  | { readonly kind: 'fork'; readonly fork: PassingFork; readonly error: SyncError };
