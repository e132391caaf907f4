import type { BlockSource } from '../../src/contracts/index.js';
import { type Chain, openChain } from '../../src/index.js';
import { held } from './clock.js';
import type { MadeBlock } from './mint.js';

/** A chain that servers of the simulated world serve. */
export class Served {
  readonly chain: Chain;
  readonly source: BlockSource;
  /** Listeners of {@link source} that were not removed. */
  listeners = 0;
  #branch: readonly MadeBlock[] = [];

  private constructor(chain: Chain) {
    this.chain = chain;
    this.source = this.#makeSource();
  }

  static async open(): Promise<Served> {
    const storage = { use: 'memory' } as const;
    const options = { storage, chain: 'sealed-json', codecs: ['identity'], storeCodec: 'identity' } as const;
    return new Served(await openChain(options));
  }

  /** Its blocks, the first one first. */
  get branch(): readonly MadeBlock[] {
    return this.#branch;
  }

  get head(): MadeBlock | null {
    return this.#branch.at(-1) ?? null;
  }

  /** Goes over to other blocks; the first one stays. @returns whether blocks were dropped */
  async become(blocks: readonly MadeBlock[]): Promise<boolean> {
    const common = commonLength(this.#branch, blocks);
    const hasDropped = common < this.#branch.length;
    const last = blocks[common - 1];
    this.#branch = blocks;
    if (hasDropped && last !== undefined) await this.chain.rollback({ height: last.height, hash: last.hash });
    const added = blocks.slice(common);
    if (added.length > 0) await this.chain.append(added.map(({ document }) => document));
    await held(this.chain.tilesMade());
    return hasDropped;
  }

  #makeSource(): BlockSource {
    const { chain } = this;
    return {
      chain: chain.chain,
      chainId: () => chain.chainId(),
      tip: () => chain.tip(),
      header: (height) => chain.header(height),
      read: (range, options) => chain.read(range, options),
      tiles: chain.tiles,
      subscribe: (listener) => {
        const stop = chain.subscribe(listener);
        this.listeners += 1;
        return () => {
          this.listeners -= 1;
          stop();
        };
      },
    };
  }
}

/** How many blocks two branches have in common. */
function commonLength(a: readonly MadeBlock[], b: readonly MadeBlock[]): number {
  const most = Math.min(a.length, b.length);
  for (let at = 0; at < most; at++) if (a[at]?.hash !== b[at]?.hash) return at;
  return most;
}
