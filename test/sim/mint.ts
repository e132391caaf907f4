import {
  SEALED_JSON_GENESIS,
  type SealedBlock,
  type SealPlace,
} from '../../plugins/chain-sealed-json/index.js';
import type { BlockRef } from '../../src/contracts/index.js';
import { MAX_TILE_BYTES } from '../../src/tiles/cut.js';
import type { Random } from './random.js';

/** A block with its bytes. */
export interface MadeBlock extends BlockRef {
  readonly document: Uint8Array;
}

/** Who makes a block: the source that everybody is to follow, or a peer that has a branch of its own. */
export type Maker = 'source' | 'liar';

/** How a maker makes a block of a payload. */
export type Sealer = (
  payload: Uint8Array,
  place: SealPlace,
  maker: Maker,
) => SealedBlock | Promise<SealedBlock>;

const encoder = new TextEncoder();
const MAX_TEXT = 300;

/** Makes every valid block of a world, and knows whose each is. No two are alike. */
export class Mint {
  readonly #random: Random;
  readonly #seal: Sealer;
  readonly #isBulky: boolean;
  readonly #makers = new Map<string, Maker>();

  /**
   * @param sealer - signs, where only blocks of producers count.
   * @param isBulky - whether first blocks are so large that those above them are in tiles of 1, 2, 4, 8 … blocks.
   */
  constructor(random: Random, sealer: Sealer, isBulky: boolean) {
    this.#random = random;
    this.#seal = sealer;
    this.#isBulky = isBulky;
  }

  /** A block above another one; `null` stands for none. */
  async make(parent: BlockRef | null, maker: Maker): Promise<MadeBlock> {
    const height = (parent?.height ?? -1) + 1;
    const bulk = this.#isBulky && parent === null ? MAX_TILE_BYTES : 0;
    const text = 'x'.repeat(bulk + this.#random.int(0, MAX_TEXT));
    const payload = encoder.encode(JSON.stringify({ text, serial: `#${this.#makers.size}` }));
    const place = { height, previousHash: parent?.hash ?? SEALED_JSON_GENESIS };
    const { hash, document } = await this.#seal(payload, place, maker);
    this.#makers.set(hash, maker);
    return { height, hash, document };
  }

  /** Who has made a block; `null` when nobody has. */
  makerOf(hash: string): Maker | null {
    return this.#makers.get(hash) ?? null;
  }
}
