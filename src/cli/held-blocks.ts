import type { Frame } from '../contracts/index.js';
import type { Chain } from '../chain/chain.js';
import { isSyncError, SyncError } from '../errors/index.js';
import type { Line } from './ndjson.js';

/** Leaves out the blocks of an input that a chain has already, once they were compared with them byte for byte. */
export class HeldBlocks {
  readonly #chain: Chain;
  readonly #to: number;
  readonly #from: number;
  #count = 0;
  #frames: AsyncIterator<Frame> | null = null;
  #next = -1;

  /** @param chain - as it is before the input is appended. */
  constructor(chain: Chain) {
    const { base, head } = chain.tip();
    this.#chain = chain;
    this.#from = base;
    this.#to = head?.height ?? -1;
  }

  /** Blocks that were there. */
  get count(): number {
    return this.#count;
  }

  /** The lines that are not held. @throws SyncError `CHAIN_MISMATCH` naming the height where the chain has another block */
  async *missing(batches: AsyncIterable<readonly Line[]>): AsyncGenerator<readonly Line[], void, undefined> {
    for await (const lines of batches) {
      const missing: Line[] = [];
      for (const line of lines) {
        const height = this.#heightOf(line);
        if (line === null || height === null) missing.push(line);
        else await this.#compare(line, height);
      }
      if (missing.length > 0) yield missing;
    }
  }

  /** `null` for what is to be verified: what the chain does not hold, and what is no block. */
  #heightOf(line: Line): number | null {
    // Most imports are into an empty store.
    if (line === null || this.#to < 0) return null;
    try {
      const { height } = this.#chain.describe(line);
      return height >= this.#from && height <= this.#to ? height : null;
    } catch (error) {
      if (isSyncError(error)) return null;
      throw error;
    }
  }

  async #compare(line: Uint8Array, height: number): Promise<void> {
    const held = this.#chain.decode(await this.#frame(height));
    if (Buffer.compare(held.bytes, line) !== 0)
      throw differs(height, this.#chain.describe(line).hash, held.hash);
    this.#count += 1;
  }

  /** Reads on, as long as the input goes by the heights. */
  async #frame(height: number): Promise<Frame> {
    if (height !== this.#next) this.#frames = this.#read(height);
    const next = await this.#frames?.next();
    if (next === undefined || next.done === true) throw new TypeError(`Block ${height} is not held.`);
    this.#next = height + 1;
    return next.value;
  }

  async *#read(from: number): AsyncGenerator<Frame, void, undefined> {
    for await (const frames of this.#chain.read({ from, to: this.#to })) yield* frames;
  }
}

function differs(height: number, theirs: string, ours: string): SyncError {
  const what =
    theirs === ours ? `has the same hash and other bytes` : `is ${theirs}, and the store has ${ours} there`;
  return new SyncError('CHAIN_MISMATCH', `Block ${height} of the input ${what}.`, { height });
}
