import { crc32 } from 'node:zlib';
import type { DeflateParts } from './deflate-parts.js';

type Result = IteratorResult<Uint8Array, undefined>;
type Chunks = AsyncIterator<Uint8Array, undefined>;

const DONE: Result = { done: true, value: undefined };
/** RFC 1952 section 2.3: gzip, DEFLATE, no flags, no time, an unknown system. */
const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
/** An empty block with the mark of the final one (RFC 1951 section 3.2.6). */
const FINAL_BLOCK = Uint8Array.of(0x03, 0x00);
const TRAILER_BYTES = 8;

/**
 * The same chunks as one gzip member, for many clients read only the first member of a body. Each chunk is flushed, so
 * that it can be read as soon as it is there.
 *
 * @param signal - a body that ends because it fired has no trailer: what was cut off shows.
 */
export function gzipBody(
  chunks: Chunks,
  parts: DeflateParts,
  signal: AbortSignal,
): AsyncIterableIterator<Uint8Array, undefined> {
  return new GzipBody(chunks, parts, signal);
}

/** Not a generator: each block would take several turns more for each of the clients. */
class GzipBody implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #chunks: Chunks;
  readonly #parts: DeflateParts;
  readonly #signal: AbortSignal;
  #crc = 0;
  /** Modulo 2^32. */
  #length = 0;
  #hasBegun = false;
  #hasEnded = false;
  readonly #onResult = (result: Result): Result | Promise<Result> => {
    if (result.done === true) return this.#end();
    const piece = result.value;
    this.#crc = crc32(piece, this.#crc);
    this.#length = (this.#length + piece.length) >>> 0;
    const part = this.#parts.of(piece);
    return part instanceof Promise ? part.then(this.#onPart) : this.#onPart(part);
  };
  readonly #onPart = (bytes: Uint8Array): Result => ({ done: false, value: this.#first(bytes) });

  constructor(chunks: Chunks, parts: DeflateParts, signal: AbortSignal) {
    this.#chunks = chunks;
    this.#parts = parts;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** One call at a time. */
  next(): Promise<Result> {
    return this.#hasEnded ? Promise.resolve(DONE) : this.#chunks.next().then(this.#onResult);
  }

  async return(): Promise<Result> {
    this.#hasEnded = true;
    await this.#chunks.return?.();
    return DONE;
  }

  #end(): Result {
    if (this.#hasEnded || this.#signal.aborted) return DONE;
    this.#hasEnded = true;
    const trailer = Buffer.alloc(TRAILER_BYTES);
    trailer.writeUInt32LE(this.#crc, 0);
    trailer.writeUInt32LE(this.#length, 4);
    return { done: false, value: this.#first(Buffer.concat([FINAL_BLOCK, trailer])) };
  }

  /** What is sent, with the header before the first of it. */
  #first(bytes: Uint8Array): Uint8Array {
    if (this.#hasBegun) return bytes;
    this.#hasBegun = true;
    return Buffer.concat([HEADER, bytes]);
  }
}
