import { ownModule } from '#platform/own-module';
import {
  PLUGIN_API_VERSION,
  type AbortOptions,
  type Codec,
  type CodecPlugin,
  type DecodeLimits,
} from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { supportsOf } from '../../src/internal/codecs.js';
import { abortable } from '../../src/internal/iterate.js';

const codec: Codec = {
  id: 'identity',
  supports: supportsOf('identity'),
  encode: (document) => document,
  decode(bytes, { maxOutputBytes }) {
    check(bytes.length, maxOutputBytes);
    return bytes;
  },
  encodeStream: (source, options) => abortable(source, options?.signal),
  decodeStream: pass,
};

/** Registers the codec `identity`: bytes pass as they are and are never copied. */
export function identity(): CodecPlugin {
  return {
    kind: 'codec',
    name: 'identity',
    apiVersion: PLUGIN_API_VERSION,
    create: () => codec,
    worker: { module: ownModule('plugins/codec-identity/worker.js'), options: null },
  };
}

async function* pass(
  source: AsyncIterable<Uint8Array>,
  { maxOutputBytes, signal }: DecodeLimits & AbortOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let total = 0;
  for await (const chunk of abortable(source, signal)) {
    total += chunk.length;
    check(total, maxOutputBytes);
    yield chunk;
  }
}

function check(bytes: number, maxOutputBytes: number): void {
  if (bytes <= maxOutputBytes) return;
  throw new SyncError(
    'CODEC_OUTPUT_TOO_LARGE',
    `The document has at least ${bytes} bytes; the limit is ${maxOutputBytes}.`,
  );
}
