import { gzipSync } from 'node:zlib';
import { PLUGIN_API_VERSION, type Codec, type CodecPlugin } from '../../src/contracts/index.js';
import { readOptions } from '../../src/internal/options/index.js';
import { decodeMember } from './decode.js';
import { GZIP_OPTIONS, type GzipOptions } from './options.js';
import { decodeStream, encodeStream } from './stream.js';

export type { GzipOptions } from './options.js';

const ENCODE_CHUNK_BYTES = 16 * 1024;
const ZLIB_MIN_CHUNK_BYTES = 64;

/**
 * Registers the codec `gzip` (RFC 1952). Decoding takes exactly one member; a ratio above 200:1 is refused once the
 * output passes 1 MiB, for a stream as far as it has been read.
 *
 * @throws TypeError for a level out of bounds, and for an option that there isn't.
 */
export function gzip(options: GzipOptions = {}): CodecPlugin {
  const { level } = readOptions('gzip', options, GZIP_OPTIONS);
  const codec: Codec = {
    id: 'gzip',
    supports: { encode: true, decode: true, contentEncoding: 'gzip' },
    encode: (document) => gzipSync(document, { level, chunkSize: chunkSize(document) }),
    decode: (bytes, { maxOutputBytes }) => decodeMember(bytes, maxOutputBytes),
    encodeStream: (source, streamOptions) => encodeStream(source, level, streamOptions ?? {}),
    decodeStream,
  };
  return {
    kind: 'codec',
    name: 'gzip',
    apiVersion: PLUGIN_API_VERSION,
    create: () => codec,
    worker: { module: new URL('./worker.js', import.meta.url).href, options: { level } },
  };
}

/** A short result is a view of zlib's first buffer, so that buffer is not made much larger than the document. */
function chunkSize(document: Uint8Array): number {
  return Math.min(ENCODE_CHUNK_BYTES, document.length + ZLIB_MIN_CHUNK_BYTES);
}
