import type { Codec } from '../../src/contracts/index.js';
import { supportsOf } from '../../src/internal/codecs.js';
import { outputTooLarge, padWith } from '../../src/internal/expansion.js';
import {
  CHECKSUM_FLAG,
  COMPRESSION_LEVEL,
  DECODER_WINDOW_LOG_MAX,
  WINDOW_LOG,
  zstdEngine,
  type ZstdEngine,
} from './engine.js';
import { corrupt, EMPTY_BLOCK, firstBlockAt, FrameOutline, MAX_WINDOW_LOG, statedBytes } from './frame.js';
import { decodeStream, encodeStream } from './stream.js';

/** What is decoded at once, at least: Node's own default. */
const CHUNK_BYTES = 16 * 1024;

/** A frame that says that it is so many times as long, or longer, is decoded piece by piece. */
const MAX_TRUSTED_RATIO = 256;

/** From this level on, zstd would use a window of its own that is larger than what the decoder takes. */
const LARGE_WINDOW_LEVEL = 20;

/** Makes the codec. @throws SyncError `CODEC_UNAVAILABLE` where Node has no zstd */
export function zstdCodec(level: number): Codec {
  const engine = zstdEngine();
  const params = {
    [COMPRESSION_LEVEL]: level,
    [CHECKSUM_FLAG]: 1,
    ...(level >= LARGE_WINDOW_LEVEL ? { [WINDOW_LOG]: MAX_WINDOW_LOG } : {}),
  };
  const decoder = { params: { [DECODER_WINDOW_LOG_MAX]: MAX_WINDOW_LOG } };
  return {
    id: 'zstd',
    supports: supportsOf('zstd'),
    encode: (document) => engine.zstdCompressSync(document, { params }),
    pad: (bytes, leastBytes) => padWith(EMPTY_BLOCK, bytes, firstBlockAt(bytes), leastBytes),
    decode: (bytes, { maxOutputBytes }) => decodeFrame(engine, bytes, maxOutputBytes),
    encodeStream: (source, options) =>
      encodeStream(source, engine.createZstdCompress({ params }), options ?? {}),
    decodeStream: (source, options) => decodeStream(source, engine.createZstdDecompress(decoder), options),
  };
}

function decodeFrame(engine: ZstdEngine, bytes: Uint8Array, maxOutputBytes: number): Uint8Array {
  const outline = new FrameOutline();
  outline.take(bytes);
  if (!outline.ended) throw corrupt('it is truncated');
  let decoded: Buffer;
  try {
    decoded = engine.zstdDecompressSync(bytes, {
      params: { [DECODER_WINDOW_LOG_MAX]: MAX_WINDOW_LOG },
      maxOutputLength: Math.max(maxOutputBytes, 1),
      chunkSize: chunkBytes(bytes, maxOutputBytes),
    });
  } catch (error) {
    if (isTooLarge(error)) throw outputTooLarge('zstd', bytes.length, maxOutputBytes);
    throw corrupt('the compressed data is damaged', error);
  }
  if (decoded.length > maxOutputBytes) throw outputTooLarge('zstd', bytes.length, maxOutputBytes);
  return decoded;
}

/** All in one piece where a frame says how long it is and may be so; what it says costs memory before it is proved. */
function chunkBytes(frame: Uint8Array, maxOutputBytes: number): number {
  const stated = Math.min(statedBytes(frame) ?? 0, maxOutputBytes, frame.byteLength * MAX_TRUSTED_RATIO);
  return Math.max(stated + 1, CHUNK_BYTES);
}

function isTooLarge(error: unknown): boolean {
  return error instanceof RangeError && (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
}
