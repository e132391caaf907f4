import { createHash, hash } from 'node:crypto';

/** The SHA-256 of some bytes, or of a text in UTF-8, in hexadecimal. */
export function sha256Hex(data: Uint8Array | string): string {
  return hash('sha256', data, 'hex');
}

/** The SHA-256 of bytes that come in pieces. */
export class Sha256 {
  readonly #hash = createHash('sha256');

  /** Takes the next piece; a text in UTF-8. */
  update(data: Uint8Array | string): this {
    this.#hash.update(data);
    return this;
  }

  /** In hexadecimal; nothing more is taken afterwards. */
  hex(): string {
    return this.#hash.digest('hex');
  }
}
