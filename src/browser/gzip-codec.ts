import { type Codec, type CodecPlugin, PLUGIN_API_VERSION } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { supportsOf } from '../internal/codecs.js';
import { outputTooLarge } from '../internal/expansion.js';
import { gunzipOne, isTooMuchOutput } from '../internal/web/gzip.js';

const codec: Codec = {
  id: 'gzip',
  supports: { ...supportsOf('gzip'), encode: false },
  encode: unused,
  decode: (bytes, { maxOutputBytes }) => decode(bytes, maxOutputBytes),
  encodeStream: unused,
  decodeStream: unused,
};

/** The codec `gzip` for single blocks: stores have large blocks of tiles in it. */
export function gzip(): CodecPlugin {
  return { kind: 'codec', name: 'gzip', apiVersion: PLUGIN_API_VERSION, create: () => codec };
}

function decode(bytes: Uint8Array, maxOutputBytes: number): Uint8Array {
  try {
    return gunzipOne(bytes, maxOutputBytes);
  } catch (cause) {
    if (isTooMuchOutput(cause)) throw outputTooLarge('gzip', bytes.length, maxOutputBytes);
    throw new SyncError('CODEC_CORRUPT', 'Not exactly one gzip member: it is damaged or truncated.', {
      cause,
    });
  }
}

/** Blocks are stored as they came, and only snapshots have bodies of any length, which are not taken here. */
function unused(): never {
  throw new SyncError('CODEC_UNAVAILABLE', 'The gzip of browsers only decodes single blocks.');
}
