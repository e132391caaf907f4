import type { BlockRef } from '../../src/contracts/index.js';
import type { MadeBlock, Mint } from './mint.js';
import type { Served } from './served.js';

/** The source that everybody is to follow: it grows, and goes over to other branches. */
export class Ledger {
  readonly served: Served;
  /** The greatest height there ever was: a client keeps the longest branch that it has seen. */
  highest = -1;
  rollbacks = 0;
  /** Whether it has gone back below blocks that were settled. */
  hasGoneDeep = false;
  /** The block that is never rolled back; the first one, unless a later one is pinned. */
  floor = 0;
  /** Runs after each change: those who make something of this chain go on too. */
  onChange: () => Promise<void> = () => Promise.resolve();
  readonly #mint: Mint;

  constructor(served: Served, mint: Mint) {
    this.served = served;
    this.#mint = mint;
  }

  get head(): BlockRef | null {
    return this.served.head;
  }

  get height(): number {
    return this.head?.height ?? -1;
  }

  async append(count: number): Promise<void> {
    const blocks: MadeBlock[] = [...this.served.branch];
    for (let added = 0; added < count; added++)
      blocks.push(await this.#mint.make(blocks.at(-1) ?? null, 'source'));
    await this.served.become(blocks);
    this.highest = Math.max(this.highest, this.height);
    await this.onChange();
  }

  /** Drops the newest blocks, down to the floor. @returns how many */
  async rollBack(depth: number): Promise<number> {
    const height = Math.max(this.floor, this.height - depth);
    const dropped = this.height - height;
    if (dropped <= 0) return 0;
    await this.served.become(this.served.branch.slice(0, height + 1));
    this.rollbacks += 1;
    await this.onChange();
    return dropped;
  }
}
