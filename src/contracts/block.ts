/** A position on a chain: one height and the hash of the block there. */
export interface BlockRef {
  /** Integer from 0 to 2^53−1. */
  readonly height: number;
  /** As the chain spells it: lower-case hex, with `0x` where the chain's own documents have it. */
  readonly hash: string;
}

/** What the chain rules read from a block's bytes. */
export interface BlockHeader extends BlockRef {
  /** The parent's hash as the block states it. */
  readonly previousHash: string;
  /** Milliseconds since 1970 as the block states it; `null` where the chain has none. */
  readonly timestamp: number | null;
}

/** A run of heights, both ends included. */
export interface BlockRange {
  readonly from: number;
  readonly to: number;
}

/**
 * A block's bytes as they are stored and sent: one document, encoded by one codec.
 *
 * A frame that reaches a {@link Storage} has been verified; its bytes are never encoded again for a reader that
 * takes the same codec.
 */
export interface Frame {
  readonly header: BlockHeader;
  /** Wire name of the codec that made `bytes`. */
  readonly codec: string;
  /** The encoded document. Must not be modified by anyone who holds the frame. */
  readonly bytes: Uint8Array;
  /** Length of the decoded document in bytes. */
  readonly documentBytes: number;
}

/** Where a chain stands. */
export interface ChainTip {
  /** Oldest height held. */
  readonly base: number;
  /** Newest block held; `null` for an empty chain. */
  readonly head: BlockRef | null;
  /** Newest block that as many peers as the node asks for are known to have; `null` when none is. */
  readonly confirmed: BlockRef | null;
  /** Newest block that can't be rolled back; `null` when none is known to be final. */
  readonly finalized: BlockRef | null;
}

/** A change of a chain, reported after it is durable. */
export type ChainChange =
  | { readonly kind: 'extend'; readonly frames: readonly Frame[] }
  | { readonly kind: 'rollback'; readonly to: BlockHeader };
