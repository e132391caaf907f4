import { seal, SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';
import type { BlockRef, BlockSource } from '../../src/contracts/index.js';
import { type Chain, openChain } from '../../src/index.js';
import type { Random } from './random.js';

const encoder = new TextEncoder();
const MAX_TEXT = 300;

/** The source that everybody follows: it grows, and goes over to other branches. */
export class Ledger {
  readonly chain: Chain;
  /** Every block there ever was, by hash. */
  readonly made = new Map<string, BlockRef>();
  /** The greatest height there ever was: a client keeps the longest branch that it has seen. */
  highest = -1;
  rollbacks = 0;
  /** Listeners of {@link source} that were not removed. */
  listeners = 0;
  readonly source: BlockSource;
  readonly #random: Random;

  private constructor(chain: Chain, random: Random) {
    this.chain = chain;
    this.#random = random;
    this.source = this.#makeSource();
  }

  static async open(random: Random): Promise<Ledger> {
    const storage = { use: 'memory' } as const;
    const chain = await openChain({
      storage,
      chain: 'sealed-json',
      codecs: ['identity'],
      storeCodec: 'identity',
    });
    return new Ledger(chain, random);
  }

  get head(): BlockRef | null {
    return this.chain.tip().head;
  }

  /** Adds blocks; no two of a world are alike. */
  async append(count: number): Promise<void> {
    const documents: Uint8Array[] = [];
    let { height, hash } = this.head ?? { height: -1, hash: SEALED_JSON_GENESIS };
    for (let added = 0; added < count; added++) {
      height += 1;
      const text = 'x'.repeat(this.#random.int(0, MAX_TEXT));
      const payload = encoder.encode(JSON.stringify({ text, serial: `#${this.made.size}` }));
      const sealed = seal(payload, { height, previousHash: hash });
      ({ hash } = sealed);
      documents.push(sealed.document);
      this.made.set(hash, { height, hash });
    }
    await this.chain.append(documents);
    this.highest = Math.max(this.highest, height);
  }

  /** Drops the newest blocks; the first one always stays. */
  async rollBack(depth: number): Promise<void> {
    const height = (this.head?.height ?? 0) - depth;
    const header = height < 0 ? null : await this.chain.header(height);
    if (header === null || depth === 0) return;
    await this.chain.rollback({ height, hash: header.hash });
    this.rollbacks += 1;
  }

  /** A block on the present branch at or below a height. */
  async refAt(height: number): Promise<BlockRef | null> {
    const header = await this.chain.header(Math.max(0, height));
    return header === null ? null : { height: header.height, hash: header.hash };
  }

  #makeSource(): BlockSource {
    const { chain } = this;
    return {
      chain: chain.chain,
      chainId: () => chain.chainId(),
      tip: () => chain.tip(),
      header: (height) => chain.header(height),
      read: (range, options) => chain.read(range, options),
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
