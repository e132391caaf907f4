import { inflateRawSync, type InflateRaw, type ZlibOptions } from 'node:zlib';

/** Deflate can't expand more than this. */
export const DEFLATE_MAX_RATIO = 1032;
const ZLIB_MIN_CHUNK_BYTES = 64;

/** Bounds of {@link inflate}. */
export interface InflateBounds {
  /** No more is ever made. */
  readonly maxBytes: number;
  /** How much is expected: the first allocation. */
  readonly expectedBytes: number;
}

/** What one deflate stream decodes to. */
export interface Inflated {
  readonly bytes: Buffer;
  /** Length of the stream: what lies behind it was not looked at. */
  readonly consumed: number;
}

/**
 * Decodes the deflate stream (RFC 1951) that some bytes begin with.
 *
 * @throws Error of `node:zlib`: `ERR_BUFFER_TOO_LARGE` when more than `maxBytes` would come out, others for damage.
 */
export function inflate(deflated: Uint8Array, { maxBytes, expectedBytes }: InflateBounds): Inflated {
  const expected = Math.min(expectedBytes, maxBytes, deflated.byteLength * DEFLATE_MAX_RATIO);
  const options: ZlibOptions & { info: true } = {
    // One byte more than expected: a full buffer makes zlib allocate a second one of the same size.
    chunkSize: Math.max(expected + 1, ZLIB_MIN_CHUNK_BYTES),
    maxOutputLength: Math.max(maxBytes, 1),
    info: true,
  };
  // `info` makes the call return the engine too, whose `bytesWritten` is the input that it consumed.
  const { buffer, engine } = inflateRawSync(deflated, options) as unknown as {
    readonly buffer: Buffer;
    readonly engine: InflateRaw;
  };
  return { bytes: buffer, consumed: engine.bytesWritten };
}

/** Whether an error of `node:zlib` says that more would have come out than was allowed. */
export function isTooMuchOutput(error: unknown): boolean {
  return error instanceof RangeError && (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
}
