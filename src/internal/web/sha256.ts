import { sha256 } from '@noble/hashes/sha2.js';
import { hexText, utf8Bytes } from './bytes.js';

/*
 * Chain rules check a block in one call, without waiting: WebCrypto answers later. What is compiled to WebAssembly is
 * quicker on long documents, but has to be compiled first, and Workers of Cloudflare don't compile at run time.
 */

/** The SHA-256 of some bytes, or of a text in UTF-8, in hexadecimal. */
export function sha256Hex(data: Uint8Array | string): string {
  return hexText(sha256(bytesOf(data)));
}

/** The SHA-256 of bytes that come in pieces. */
export class Sha256 {
  readonly #hash = sha256.create();

  /** Takes the next piece; a text in UTF-8. */
  update(data: Uint8Array | string): this {
    this.#hash.update(bytesOf(data));
    return this;
  }

  /** In hexadecimal; nothing more is taken afterwards. */
  hex(): string {
    return hexText(this.#hash.digest());
  }
}

function bytesOf(data: Uint8Array | string): Uint8Array {
  return typeof data === 'string' ? utf8Bytes(data) : data;
}
