import { seal, SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';
import type { Chain } from '../../src/index.js';

/** Makes blocks, and other ones in their place. */
export class FleetProducer {
  readonly #chain: Chain;
  #made = 0;
  /** When each block was durable at the writer, by its hash. */
  readonly durable = new Map<string, number>();

  constructor(chain: Chain) {
    this.#chain = chain;
  }

  get head(): string | null {
    return this.#chain.tip().head?.hash ?? null;
  }

  async append(count = 1): Promise<void> {
    for (let index = 0; index < count; index++) await this.#append();
  }

  /** Drops blocks, and puts as many and one more there. */
  async fork(depth: number): Promise<void> {
    const { head } = this.#chain.tip();
    const to = await this.#chain.header((head?.height ?? 0) - depth);
    if (to === null) throw new Error('the chain is too short for a fork');
    await this.#chain.rollback({ height: to.height, hash: to.hash });
    await this.append(depth + 1);
  }

  async #append(): Promise<void> {
    const { head } = this.#chain.tip();
    const place = { height: (head?.height ?? -1) + 1, previousHash: head?.hash ?? SEALED_JSON_GENESIS };
    const body = JSON.stringify({ timestamp: Date.now(), made: this.#made++, text: 'x'.repeat(600) });
    const { document, hash } = seal(new TextEncoder().encode(body), place);
    await this.#chain.append([document]);
    this.durable.set(hash, performance.now());
  }
}
