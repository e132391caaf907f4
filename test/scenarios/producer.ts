import { randomBytes } from 'node:crypto';
import { seal, SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';

/** Makes sealed blocks, one on the other. */
export class Producer {
  height = -1;
  hash: string = SEALED_JSON_GENESIS;
  readonly #label: string;
  readonly #randomBytes: number;

  /** @param randomBytes - of payload that can't be compressed, in each block. */
  constructor(label = 'blocks', randomBytes = 0) {
    this.#label = label;
    this.#randomBytes = randomBytes;
  }

  /** The next block, as a line. */
  next(): string {
    const random = randomBytes(this.#randomBytes).toString('base64');
    const text = JSON.stringify({ timestamp: Date.now(), label: this.#label, text: 'x'.repeat(500), random });
    const { document, hash } = seal(Buffer.from(text), { height: this.height + 1, previousHash: this.hash });
    this.height += 1;
    this.hash = hash;
    return `${Buffer.from(document).toString()}\n`;
  }

  lines(count: number): string {
    let text = '';
    for (let made = 0; made < count; made++) text += this.next();
    return text;
  }
}
