import { gzipSync } from 'node:zlib';
import { PLUGIN_API_VERSION, type Codec, type CodecPlugin } from '../../src/contracts/index.js';
import { supportsOf } from '../../src/internal/codecs.js';
import { padWith } from '../../src/internal/expansion.js';
import { ownModule } from '../../src/internal/node/own-module.js';
import { readOptions } from '../../src/internal/options/index.js';
import { decodeMember } from './decode.js';
import { headerLength } from './member.js';
import { GZIP_OPTIONS, type GzipOptions } from './options.js';
import { decodeStream, encodeStream } from './stream.js';

export type { GzipOptions } from './options.js';

const ENCODE_CHUNK_BYTES = 16 * 1024;
const ZLIB_MIN_CHUNK_BYTES = 64;
/** A stored block without content that is not the last one, byte-aligned (RFC 1951 section 3.2.4). */
const EMPTY_BLOCK = Uint8Array.of(0, 0, 0, 0xff, 0xff);

/**
 * Registers the codec `gzip` (RFC 1952). Decoding takes exactly one member and makes no more than it is allowed.
 *
 * @throws TypeError for a level out of bounds, and for an option that there isn't.
 */
export function gzip(options: GzipOptions = {}): CodecPlugin {
  const { level } = readOptions('gzip', options, GZIP_OPTIONS);
  const codec: Codec = {
    id: 'gzip',
    supports: supportsOf('gzip'),
    encode: (document) => gzipSync(document, { level, chunkSize: chunkSize(document) }),
    pad: (bytes, leastBytes) => padWith(EMPTY_BLOCK, bytes, headerLength(bytes) ?? bytes.length, leastBytes),
    decode: (bytes, { maxOutputBytes }) => decodeMember(bytes, maxOutputBytes),
    encodeStream: (source, streamOptions) => encodeStream(source, level, streamOptions ?? {}),
    decodeStream,
  };
  return {
    kind: 'codec',
    name: 'gzip',
    apiVersion: PLUGIN_API_VERSION,
    create: () => codec,
    worker: { module: ownModule('plugins/codec-gzip/worker.js'), options: { level } },
  };
}

/** A short result is a view of zlib's first buffer, so that buffer is not made much larger than the document. */
function chunkSize(document: Uint8Array): number {
  return Math.min(ENCODE_CHUNK_BYTES, document.length + ZLIB_MIN_CHUNK_BYTES);
}
