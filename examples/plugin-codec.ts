import { createHash, type Hash } from 'node:crypto';
import {
  abortable,
  type Codec,
  type CodecPlugin,
  type DecodeLimits,
  PLUGIN_API_VERSION,
  SyncError,
} from 'blockferry';

const DIGEST_BYTES = 32;
const sha256 = (): Hash => createHash('sha256');

/** Registers the codec `summed`: the document followed by its SHA-256. */
export function summed(): CodecPlugin {
  return { kind: 'codec', name: 'summed', apiVersion: PLUGIN_API_VERSION, create: () => codec };
}

const codec: Codec = {
  id: 'summed',
  supports: { encode: true, decode: true, contentEncoding: null },
  encode: (document) => Buffer.concat([document, sha256().update(document).digest()]),
  decode(bytes, limits) {
    const end = Math.max(bytes.length - DIGEST_BYTES, 0);
    checkLength(end, limits);
    const document = bytes.subarray(0, end);
    checkDigest(sha256().update(document), bytes.subarray(end));
    return document;
  },
  async *encodeStream(source, options) {
    const hash = sha256();
    for await (const chunk of abortable(source, options?.signal)) {
      hash.update(chunk);
      yield chunk;
    }
    yield hash.digest();
  },
  async *decodeStream(source, options) {
    const hash = sha256();
    let length = 0;
    let rest: Uint8Array = new Uint8Array();
    for await (const chunk of abortable(source, options.signal)) {
      const bytes = Buffer.concat([rest, chunk]);
      // The last bytes so far may be the digest: they wait until more comes.
      const end = Math.max(bytes.length - DIGEST_BYTES, 0);
      checkLength((length += end), options);
      hash.update(bytes.subarray(0, end));
      if (end > 0) yield bytes.subarray(0, end);
      rest = bytes.subarray(end);
    }
    checkDigest(hash, rest);
  },
};

function checkLength(length: number, { maxOutputBytes }: DecodeLimits): void {
  if (length <= maxOutputBytes) return;
  throw new SyncError('CODEC_OUTPUT_TOO_LARGE', `More than ${maxOutputBytes} bytes come out of summed.`);
}

function checkDigest(hash: Hash, stated: Uint8Array): void {
  if (!hash.digest().equals(stated)) throw new SyncError('CODEC_CORRUPT', 'The sum is missing or wrong.');
}
