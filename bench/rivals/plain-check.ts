import { createHash } from 'node:crypto';
import { SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';
import type { PlainBlock } from './plain-chain.js';

/** The hash is over all that follows `"hash":"…",`. */
const BODY_START = '{"hash":"",'.length + 64;

/** Checks blocks as they come: height, link, hash. */
export class PlainChecker {
  #previousHash = SEALED_JSON_GENESIS;
  #blocks = 0;

  /** How many blocks were right. */
  get blocks(): number {
    return this.#blocks;
  }

  /** @throws Error for a block that does not follow, or whose hash is wrong */
  check(block: PlainBlock, text: string): void {
    const hash = createHash('sha256').update('{').update(text.slice(BODY_START)).digest('hex');
    if (block.height !== this.#blocks) throw new Error(`Block ${block.height} came as ${this.#blocks}.`);
    if (block.hash !== hash) throw new Error(`Block ${block.height} has a wrong hash.`);
    if (block.previousHash !== this.#previousHash) throw new Error(`Block ${block.height} does not link.`);
    this.#previousHash = hash;
    this.#blocks += 1;
  }
}
