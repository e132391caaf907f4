import { crc32, inflateRawSync, type InflateRaw, type ZlibOptions } from 'node:zlib';
import { outputTooLarge } from '../../src/internal/expansion.js';
import { checkTrailer, corrupt, headerLength, TRAILER_BYTES, uint32 } from './member.js';

/** Deflate can't expand more than this, so neither does the first allocation. */
const DEFLATE_MAX_RATIO = 1032;
const ZLIB_MIN_CHUNK_BYTES = 64;

/**
 * Decodes one gzip member. Node's own `gunzipSync` joins members and ignores zeros after the last one, so header and
 * trailer are read here and only the deflate part is left to zlib.
 *
 * The stated length bounds both the output and the one buffer that is allocated for it, so nothing is copied.
 *
 * @throws SyncError `CODEC_CORRUPT`, `CODEC_OUTPUT_TOO_LARGE`
 */
export function decodeMember(bytes: Uint8Array, maxOutputBytes: number): Uint8Array {
  const header = headerLength(bytes);
  if (header === null || bytes.length < header + TRAILER_BYTES) throw corrupt('it is truncated');
  const trailer = bytes.subarray(bytes.length - TRAILER_BYTES);
  const stated = uint32(trailer, 4);
  const { buffer, consumed } = inflate(bytes.subarray(header), Math.min(stated, maxOutputBytes), () =>
    stated > maxOutputBytes
      ? outputTooLarge('gzip', bytes.length, maxOutputBytes)
      : corrupt('it is longer than its trailer says'),
  );
  const end = header + consumed + TRAILER_BYTES;
  if (end > bytes.length) throw corrupt('it is truncated');
  if (end < bytes.length) throw corrupt(`${bytes.length - end} bytes follow it`);
  checkTrailer(trailer, crc32(buffer), buffer.length);
  return buffer;
}

function inflate(
  body: Uint8Array,
  maxBytes: number,
  tooLong: () => Error,
): { buffer: Uint8Array; consumed: number } {
  const expected = Math.min(maxBytes, body.length * DEFLATE_MAX_RATIO);
  const options: ZlibOptions & { info: true } = {
    // One byte more than expected: a full buffer makes zlib allocate a second one of the same size.
    chunkSize: Math.max(expected + 1, ZLIB_MIN_CHUNK_BYTES),
    maxOutputLength: Math.max(maxBytes, 1),
    info: true,
  };
  let result: { buffer: Buffer; engine: InflateRaw };
  try {
    // `info` makes the call return the engine too, whose `bytesWritten` is the input that it consumed.
    result = inflateRawSync(body, options) as unknown as typeof result;
  } catch (error) {
    throw isTooLarge(error) ? tooLong() : corrupt('the compressed data is damaged or truncated', error);
  }
  if (result.buffer.length > maxBytes) throw tooLong();
  return { buffer: result.buffer, consumed: result.engine.bytesWritten };
}

function isTooLarge(error: unknown): boolean {
  return error instanceof RangeError && (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
}
