import type { BlockRef } from '../../src/contracts/index.js';
import type { OwnChain } from './kinds.js';
import type { Ledger } from './ledger.js';
import type { MadeBlock, Mint } from './mint.js';
import type { Random } from './random.js';
import { Served } from './served.js';

/** How often a branch is given up for one that leaves the source's further up. */
const MOVE_SHARE = 0.05;
/** How often a server that is late catches up. */
const CATCH_UP_SHARE = 0.4;
const NEAR_BLOCKS = 6;

/** What a forgery is made with. */
export interface ForgeryParts {
  readonly ledger: Ledger;
  readonly mint: Mint;
  readonly random: Random;
}

/** The chain of a liar, which it makes of the source's. */
export class Forgery {
  readonly kind: OwnChain;
  readonly served: Served;
  readonly #ledger: Ledger;
  readonly #mint: Mint;
  readonly #random: Random;
  /** Height of the newest block that it has in common with the source; the last one served, for a prefix. */
  #fork: number;
  /** It leaves the source's no higher. */
  readonly #most: number;
  #isSettled = false;

  private constructor(
    kind: OwnChain,
    served: Served,
    parts: ForgeryParts,
    { fork, most }: { readonly fork: number; readonly most: number },
  ) {
    this.kind = kind;
    this.served = served;
    this.#fork = kind === 'other-genesis' ? -1 : fork;
    this.#most = most;
    this.#ledger = parts.ledger;
    this.#mint = parts.mint;
    this.#random = parts.random;
  }

  /** @param below - a block that it does not have; `null` where it may leave the source's anywhere. */
  static async make(kind: OwnChain, parts: ForgeryParts, below: BlockRef | null): Promise<Forgery> {
    const { random, ledger } = parts;
    const most = below === null ? ledger.height : below.height - 1;
    const forgery = new Forgery(kind, await Served.open(), parts, {
      fork: random.int(0, Math.max(0, most)),
      most: below === null ? Infinity : most,
    });
    await forgery.served.become(await forgery.#target());
    return forgery;
  }

  get head(): MadeBlock | null {
    return this.served.head;
  }

  /** Whether it is not what the source has now. */
  get differs(): boolean {
    return this.head?.hash !== this.#ledger.head?.hash;
  }

  /** The source has changed. */
  async follow(): Promise<void> {
    const isLate = this.kind === 'replicas' && !this.#isSettled && !this.#random.chance(CATCH_UP_SHARE);
    if (isLate) return;
    if (this.kind !== 'other-genesis' && this.#random.chance(MOVE_SHARE)) this.#move();
    await this.served.become(await this.#target());
  }

  /** Servers that were late are not any more. */
  async settle(): Promise<void> {
    this.#isSettled = true;
    await this.follow();
  }

  #move(): void {
    const near = this.#ledger.height - this.#random.int(1, NEAR_BLOCKS);
    this.#fork = Math.max(this.#fork, Math.min(near, this.#most));
  }

  async #target(): Promise<readonly MadeBlock[]> {
    const theirs = this.#ledger.served.branch;
    if (this.kind === 'replicas') return theirs;
    if (this.kind === 'prefix') return theirs.slice(0, this.#fork + 1);
    const shared = theirs.slice(
      0,
      Math.max(this.#fork < 0 ? 0 : 1, Math.min(this.#fork + 1, theirs.length - 1)),
    );
    const own = this.#own(shared);
    const blocks = [...shared, ...own].slice(0, Math.max(shared.length, this.#length(shared.length)));
    while (blocks.length < this.#length(shared.length))
      blocks.push(await this.#mint.make(blocks.at(-1) ?? null, 'liar'));
    return blocks;
  }

  /** The blocks that it has made already on those. */
  #own(shared: readonly MadeBlock[]): readonly MadeBlock[] {
    const { branch } = this.served;
    const isOnThem = shared.length === 0 || branch[shared.length - 1]?.hash === shared.at(-1)?.hash;
    const first = branch[shared.length];
    return isOnThem && first !== undefined && this.#mint.makerOf(first.hash) === 'liar'
      ? branch.slice(shared.length)
      : [];
  }

  #length(shared: number): number {
    const { length } = this.#ledger.served.branch;
    if (this.kind === 'longer-fork' || this.kind === 'other-genesis') return length + 1;
    return this.kind === 'lure' ? Math.ceil((shared + length) / 2) : length;
  }
}
