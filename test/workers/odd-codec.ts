import type { Codec, CodecPlugin } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';

/** What the first byte of the input makes {@link createCodec} do. */
export const Odd = {
  fine: 0,
  exit: 1,
  heap: 2,
  spin: 3,
  syncError: 4,
  typeError: 5,
  view: 6,
  threw: 7,
  pooled: 8,
} as const;

const outcomes: Record<number, (bytes: Uint8Array) => Uint8Array> = {
  [Odd.exit]: () => process.exit(7),
  [Odd.heap]() {
    const hoard: number[][] = [];
    for (;;) hoard.push(Array.from({ length: 100_000 }, (_, i) => i + 0.5));
  },
  [Odd.spin]() {
    for (;;);
  },
  [Odd.syncError]() {
    const cause = new Error('the reason');
    throw new SyncError('CODEC_CORRUPT', 'Odd bytes.', { height: 7, peer: 'http://peer', cause });
  },
  [Odd.typeError]() {
    throw new TypeError('an odd mistake');
  },
  // Throws its reason as it is, as careless plugins do.
  [Odd.threw](bytes) {
    AbortSignal.abort('a string').throwIfAborted();
    return bytes;
  },
  [Odd.view]: () => new Uint8Array(10_000).fill(9).subarray(5000, 5010),
};

/** A copy in the memory that Node cuts small buffers out of, as large as it is from Node 24 on. */
function pooled(bytes: Uint8Array): Uint8Array {
  Buffer.poolSize = 64 * 1024;
  return Buffer.from(bytes);
}

/** A codec for tests of what can go wrong on a thread; other bytes pass as they are. */
export function createCodec(): Codec {
  return {
    id: 'odd',
    supports: { encode: true, decode: true, contentEncoding: null },
    encode: (document) => (document[0] === Odd.pooled ? pooled(document) : document),
    decode: (bytes) => (outcomes[bytes[0] ?? 0] ?? ((same: Uint8Array) => same))(bytes),
    encodeStream: (source) => source,
    decodeStream: (source) => source,
  };
}

/** Registers {@link createCodec}, on threads or not. */
export function odd(name = 'odd', module: string | null = import.meta.url): CodecPlugin {
  const plugin: CodecPlugin = { kind: 'codec', name, apiVersion: 1, create: createCodec };
  return module === null ? plugin : { ...plugin, worker: { module, options: null } };
}
