import { crc32 } from 'node:zlib';
import { outputTooLarge } from '../../src/internal/expansion.js';
import { inflate, type Inflated, isTooMuchOutput } from '../../src/internal/node/inflate.js';
import { checkTrailer, corrupt, headerLength, TRAILER_BYTES, uint32 } from './member.js';

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
  const { bytes: decoded, consumed } = inflateTo(
    bytes.subarray(header),
    Math.min(stated, maxOutputBytes),
    () =>
      stated > maxOutputBytes
        ? outputTooLarge('gzip', bytes.length, maxOutputBytes)
        : corrupt('it is longer than its trailer says'),
  );
  const end = header + consumed + TRAILER_BYTES;
  if (end > bytes.length) throw corrupt('it is truncated');
  if (end < bytes.length) throw corrupt(`${bytes.length - end} bytes follow it`);
  checkTrailer(trailer, crc32(decoded), decoded.length);
  return decoded;
}

function inflateTo(body: Uint8Array, maxBytes: number, tooLong: () => Error): Inflated {
  let inflated: Inflated;
  try {
    inflated = inflate(body, { maxBytes, expectedBytes: maxBytes });
  } catch (error) {
    throw isTooMuchOutput(error) ? tooLong() : corrupt('the compressed data is damaged or truncated', error);
  }
  if (inflated.bytes.length > maxBytes) throw tooLong();
  return inflated;
}
