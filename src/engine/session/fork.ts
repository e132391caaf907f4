import type { BlockRef, Checkpoint, Frame, Peer } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import type { BatchLimits } from '../batch-writer.js';
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

/** Another branch that was long enough to take the place of ours. */
export interface Branch {
  /** The newest block that both have. */
  readonly common: BlockRef;
  /** Verified blocks directly above it. */
  readonly frames: readonly Frame[];
}

/**
 * Verified blocks of a peer's branch, held back until there are enough of them to take the place of ours: up to the
 * height of our head, or one more where ties are not taken, or as many as may wait for a commit. Until then nothing of ours is given up.
 */
export class BranchProof {
  readonly #chain: Chain;
  readonly #limits: BatchLimits;
  readonly #ours: Checkpoint;
  readonly #takesTies: boolean;
  #common: BlockRef;
  readonly #frames: Frame[] = [];
  #bytes = 0;

  /** @param common - where the blocks begin; those that are ours as well move it upwards. */
  constructor(chain: Chain, common: BlockRef, limits: BatchLimits, takesTies: boolean) {
    this.#takesTies = takesTies;
    this.#chain = chain;
    this.#common = common;
    this.#limits = limits;
    this.#ours = chain.tip();
  }

  /** Takes verified blocks, in order. @returns the branch once there is enough of it, else `null`. */
  async add(frames: readonly Frame[]): Promise<Branch | null> {
    for (const frame of frames) {
      const { height, hash } = frame.header;
      if (this.#frames.length === 0 && (await this.#chain.holds({ height, hash }))) {
        this.#common = { height, hash };
      } else {
        this.#frames.push(frame);
        this.#bytes += frame.bytes.byteLength;
      }
    }
    return this.#isEnough() ? { common: this.#common, frames: this.#frames } : null;
  }

  /** Our branch is longer than all the peer has of its own. */
  shorter(): SyncError {
    const { height } = this.#frames.at(-1)?.header ?? this.#common;
    return shorterBranch(height, this.#ours.head);
  }

  #isEnough(): boolean {
    const last = this.#frames.at(-1)?.header;
    if (last === undefined) return false;
    const { maxBatchBlocks, maxPendingBytes } = this.#limits;
    if (this.#frames.length >= maxBatchBlocks || this.#bytes >= maxPendingBytes) return true;
    return !isTooShort(last.height, this.#ours.head, this.#takesTies);
  }
}

/** Whether a branch that ends at a height may not take the place of ours. */
export function isTooShort(height: number, ours: BlockRef | null, takesTies: boolean): boolean {
  return height < (ours?.height ?? 0) + (takesTies ? 0 : 1);
}

/** The error for a branch that is not taken, because ours is longer. */
export function shorterBranch(height: number, ours: BlockRef | null): SyncError {
  const message = `The peer is on another branch, which ends at block ${height}; the one here ends at block ${ours?.height ?? -1} and is kept.`;
  return new SyncError('FORKED', message, { height });
}
