import type { BlockRef, Frame } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import type { Chain } from '../../chain/chain.js';
import { encodedLength } from '../../internal/encoded-length.js';

/** Encoded bodies of a branch that are held until it is taken; beyond that they are fetched again for the switch. */
const MAX_HELD_BYTES = 16 * 1024 * 1024;

/** A block of a branch, whose body may not be held. */
interface BranchBlock extends BlockRef {
  /** Of its body as it came. */
  readonly byteLength: number;
}

/** What a branch needs to take the place of ours. */
export interface BranchRules {
  /** Encoded bytes of a branch of more than one block: it takes the place of ours in one batch, which is held whole. */
  readonly maxBranchBytes: number;
  /** Confirmed blocks that a branch may take the place of. */
  readonly maxRollbackBlocks: number;
  /** A block of the one branch that may begin deeper; `null` when none may. */
  readonly acceptRollback: BlockRef | null;
  /** Whether a branch that is as long as ours is enough, by its head; else it has to be longer. */
  takesTie(head: BlockRef): boolean;
  /** A branch that is as long as ours has taken its place. @param left - our head until then. */
  tookTie(left: BlockRef): void;
  /**
   * How many peers have to have a block before it is confirmed. With several, confirmed blocks give way to a branch that is
   * preferred alone, however long another one is.
   */
  readonly agree: number;
  /** Whether the peers are for a branch, and not for ours. @throws SyncError once the signal fires */
  isPreferred(claim: BranchClaim, signal: AbortSignal): Promise<boolean>;
}

/** A branch, as far as it is known. */
export interface BranchClaim {
  readonly head: BlockRef;
  /** Whether a block is on it; `null` while nothing of it has come. */
  readonly has: ((ref: BlockRef) => boolean) | null;
  /** Whether it has just become longer than ours. */
  readonly isLonger: boolean;
}

/**
 * Verified blocks of a peer's chain that are not on ours. They are a claim: all that replace ours have to be there before
 * one of ours is given up.
 */
export class Branch {
  readonly #chain: Chain;
  readonly #rules: BranchRules;
  readonly #ours: BlockRef | null;
  #common: BlockRef;
  readonly #refs: BranchBlock[] = [];
  /** As many as refs; `null` when there are more bytes than may be held. */
  #frames: Frame[] | null = [];
  #bytes = 0;
  /** Whether it was longer than ours when the peers were asked last. */
  #wasLonger = false;

  /** @param common - a block of our chain; those above it that turn out to be ours as well move it upwards. */
  constructor(chain: Chain, common: BlockRef, rules: BranchRules) {
    this.#chain = chain;
    this.#common = common;
    this.#rules = rules;
    this.#ours = chain.tip().head;
  }

  /** The newest block that both chains are known to have. */
  get common(): BlockRef {
    return this.#common;
  }

  /** The newest block of the peer's chain. */
  get head(): BlockRef {
    const { height, hash } = this.#refs.at(-1) ?? this.#common;
    return { height, hash };
  }

  /** Our head when the peer's chain was found to differ. */
  get ours(): BlockRef | null {
    return this.#ours;
  }

  /** The blocks above `common` with their bodies; `null` when their bodies are too large to be held. */
  get frames(): readonly Frame[] | null {
    return this.#frames;
  }

  /** Whether the peer's chain is ours after all. */
  get isOurs(): boolean {
    return this.#refs.length === 0 && this.#common.hash === this.#ours?.hash;
  }

  /** Whether a block of the branch differs from ours. */
  get hasOwn(): boolean {
    return this.#refs.length > 0;
  }

  /** Whether several peers have confirmed a block that would be dropped: then it takes as many to drop it. */
  get needsAgreement(): boolean {
    const { confirmed } = this.#chain.tip();
    return this.#rules.agree > 1 && confirmed !== null && confirmed.height > this.#common.height;
  }

  /**
   * Takes verified blocks, in order.
   *
   * @throws SyncError `ROLLBACK_TOO_DEEP` when more confirmed blocks would be dropped than may be, `BRANCH_TOO_LARGE`.
   */
  async add(frames: readonly Frame[]): Promise<void> {
    for (const frame of frames) {
      const { height, hash } = frame.header;
      if (!this.hasOwn && (await this.#chain.holds({ height, hash }))) this.#common = { height, hash };
      else this.#push(frame, { height, hash });
    }
  }

  /** Drops the blocks above one of the branch. @returns whether it is one of them, or the block below. */
  truncate({ height, hash }: BlockRef): boolean {
    const kept = height - this.#common.height;
    const found = kept === 0 ? this.#common : this.#refs[kept - 1];
    if (found?.hash !== hash) return false;
    for (const { byteLength } of this.#refs.splice(kept)) this.#bytes -= byteLength;
    this.#frames?.splice(kept);
    return true;
  }

  /**
   * Whether it may take the place of ours now: it is long enough, or more peers are on it.
   *
   * @throws SyncError `ROLLBACK_TOO_DEEP` when it is another branch than the one that may begin so deep.
   */
  async isEnough(signal: AbortSignal): Promise<boolean> {
    if (!this.hasOwn || !(await this.#isLongEnough(signal))) return false;
    this.checkDepth();
    return true;
  }

  /** @throws SyncError `ROLLBACK_TOO_DEEP` when more confirmed blocks would be dropped than may be. */
  checkDepth(): void {
    if (this.#isTooDeep && !this.#isAccepted) throw this.#tooDeep();
  }

  #push(frame: Frame, ref: BlockRef): void {
    const { acceptRollback } = this.#rules;
    if (this.#isTooDeep && acceptRollback === null) throw this.#tooDeep();
    const byteLength = encodedLength(frame);
    this.#bytes += byteLength;
    this.#refs.push({ ...ref, byteLength });
    if (this.#refs.length > 1 && this.#bytes > this.#rules.maxBranchBytes) throw this.#tooLarge();
    if (this.#bytes > MAX_HELD_BYTES) this.#frames = null;
    this.#frames?.push(frame);
  }

  async #isLongEnough(signal: AbortSignal): Promise<boolean> {
    const ours = this.#ours?.height ?? -1;
    const { head } = this;
    const isLonger = head.height > ours;
    if (!this.needsAgreement && (isLonger || (head.height === ours && this.#rules.takesTie(head))))
      return true;
    const has = ({ height, hash }: BlockRef): boolean =>
      this.#refs[height - this.#common.height - 1]?.hash === hash;
    const isNowLonger = isLonger && !this.#wasLonger;
    this.#wasLonger = isLonger;
    return this.#rules.isPreferred({ head, has, isLonger: isNowLonger }, signal);
  }

  /** Whether the branch has the block that was consented to; one that was taken back counts no more. */
  get #isAccepted(): boolean {
    const { acceptRollback } = this.#rules;
    if (acceptRollback === null) return false;
    return this.#refs[acceptRollback.height - this.#common.height - 1]?.hash === acceptRollback.hash;
  }

  get #isTooDeep(): boolean {
    const { confirmed } = this.#chain.tip();
    return confirmed !== null && confirmed.height - this.#common.height > this.#rules.maxRollbackBlocks;
  }

  #tooLarge(): SyncError {
    const { common, head } = this;
    const message = `The peer's branch leaves ours at block ${common.height} ${common.hash} and has ${this.#bytes} bytes up to block ${head.height}, more than the ${this.#rules.maxBranchBytes} that may take the place of ours at once.`;
    return new SyncError('BRANCH_TOO_LARGE', message, { height: common.height });
  }

  #tooDeep(): SyncError {
    const { common, head } = this;
    const { confirmed } = this.#chain.tip();
    const depth = (confirmed?.height ?? common.height) - common.height;
    const message = `The peer's branch leaves ours at block ${common.height} ${common.hash} and would drop ${depth} confirmed blocks, more than ${this.#rules.maxRollbackBlocks}; it has block ${head.height} ${head.hash}.`;
    return new SyncError('ROLLBACK_TOO_DEEP', message, { height: common.height });
  }
}
