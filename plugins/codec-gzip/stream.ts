import { crc32, createGzip, createInflateRaw } from 'node:zlib';
import type { AbortOptions, DecodeLimits } from '../../src/contracts/index.js';
import { outputTooLarge } from '../../src/internal/expansion.js';
import { abortable } from '../../src/internal/iterate.js';
import { checkTrailer, corrupt, headerLength, TRAILER_BYTES } from './member.js';
import { Pump } from './pump.js';

type Chunks = AsyncGenerator<Uint8Array, void, undefined>;

const CHUNK_BYTES = 64 * 1024;
const EMPTY = new Uint8Array(0);

/** Encodes a body of any length as one gzip member. */
export async function* encodeStream(
  source: AsyncIterable<Uint8Array>,
  level: number,
  options: AbortOptions,
): Chunks {
  const pump = new Pump(createGzip({ level, chunkSize: CHUNK_BYTES }));
  try {
    for await (const chunk of abortable(source, options.signal)) yield* pump.write(chunk);
    yield* pump.finish();
  } finally {
    pump.close();
  }
}

/**
 * Decodes one gzip member of any length. The checksum stands at the end: what is yielded counts only once the
 * iteration has ended without an error.
 */
export async function* decodeStream(
  source: AsyncIterable<Uint8Array>,
  options: DecodeLimits & AbortOptions,
): Chunks {
  const decoder = new MemberDecoder(options.maxOutputBytes);
  try {
    for await (const chunk of abortable(source, options.signal)) yield* decoder.write(chunk);
    yield* decoder.finish();
  } finally {
    decoder.close();
  }
}

class MemberDecoder {
  readonly #pump = new Pump(createInflateRaw({ chunkSize: CHUNK_BYTES }));
  readonly #maxOutputBytes: number;
  /** Start of the header while it is incomplete; `null` behind it. */
  #header: Uint8Array | null = EMPTY;
  #trailer: Uint8Array = EMPTY;
  #ended = false;
  #input = 0;
  #output = 0;
  #crc = 0;

  constructor(maxOutputBytes: number) {
    this.#maxOutputBytes = maxOutputBytes;
  }

  async *write(chunk: Uint8Array): Chunks {
    this.#input += chunk.length;
    const body = this.#skipHeader(chunk);
    if (body.length === 0) return;
    if (this.#ended) {
      this.#takeTrailer(body);
      return;
    }
    const before = this.#pump.consumed;
    yield* this.#inflate(this.#pump.write(body));
    const taken = this.#pump.consumed - before;
    // What zlib leaves lies behind the end of the deflate data; that is the only way it tells that it saw the end.
    this.#ended = taken < body.length;
    if (this.#ended) this.#takeTrailer(body.subarray(taken));
  }

  async *finish(): Chunks {
    if (this.#header !== null) throw corrupt('it is truncated');
    if (!this.#ended) yield* this.#inflate(this.#pump.finish());
    if (this.#trailer.length < TRAILER_BYTES) throw corrupt('it is truncated');
    checkTrailer(this.#trailer, this.#crc, this.#output);
  }

  close(): void {
    this.#pump.close();
  }

  #skipHeader(chunk: Uint8Array): Uint8Array {
    if (this.#header === null) return chunk;
    const bytes = this.#header.length === 0 ? chunk : Buffer.concat([this.#header, chunk]);
    const length = headerLength(bytes);
    this.#header = length === null ? Buffer.from(bytes) : null;
    return length === null ? EMPTY : bytes.subarray(length);
  }

  async *#inflate(outputs: AsyncIterable<Uint8Array>): Chunks {
    try {
      for await (const output of outputs) {
        this.#count(output);
        yield output;
      }
    } catch (error) {
      throw isZlibError(error) ? corrupt('the compressed data is damaged or truncated', error) : error;
    }
  }

  #count(output: Uint8Array): void {
    this.#output += output.length;
    if (this.#output > this.#maxOutputBytes) {
      throw outputTooLarge('gzip', this.#input, this.#maxOutputBytes);
    }
    this.#crc = crc32(output, this.#crc);
  }

  #takeTrailer(rest: Uint8Array): void {
    const total = this.#trailer.length + rest.length;
    if (total > TRAILER_BYTES) throw corrupt('bytes follow it');
    this.#trailer = Buffer.concat([this.#trailer, rest]);
  }
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && ((error as NodeJS.ErrnoException).code ?? '').startsWith('Z_');
}
