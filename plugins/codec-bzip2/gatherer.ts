/**
 * Decoded bytes of one full stream. A level 9 block of libbz2 holds 900,000 bytes less 19, so this makes one block
 * unless the bytes have runs of four.
 */
export const STREAM_BYTES = 899_981;

/** A limit up to this is taken as the length to expect: parts and blocks are decoded with the length they state. */
const EXPECTED_BYTES = 1024 * 1024;

/** Otherwise a document is expected to be this many times its encoded length. */
const EXPECTED_RATIO = 16;

/** Gathers the output of a decoder, with as little memory left behind as can be: it is slow to be collected. */
export class Gatherer {
  readonly #maxBytes: number;
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** For the output of a body of `encodedBytes` that makes `maxBytes` at most. */
  constructor(encodedBytes: number, maxBytes: number) {
    this.#maxBytes = maxBytes;
    const likely = Math.min(encodedBytes * EXPECTED_RATIO, EXPECTED_BYTES);
    this.#bytes = new Uint8Array(maxBytes <= EXPECTED_BYTES ? maxBytes : likely);
  }

  add(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#bytes.length) this.#grow(Math.max(needed, Math.min(2 * this.#length, this.#maxBytes)));
    this.#bytes.set(piece, this.#length);
    this.#length = needed;
  }

  /** All of it, in memory of its own and no more than it needs. */
  whole(): Uint8Array<ArrayBuffer> {
    return this.#length === this.#bytes.length ? this.#bytes : this.#bytes.slice(0, this.#length);
  }

  #grow(capacity: number): void {
    const larger = new Uint8Array(capacity);
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
