import fc from 'fast-check';
import type { Codec } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { collect, inPieces } from '../../src/testing/compliance/codec-samples.js';

/** What decoding gives, whole and as a stream in pieces of some sizes: a length or an error code, each once. */
export async function outcomes(
  codec: Codec,
  bytes: Uint8Array,
  sizes: readonly number[] = [1000, 60_000],
): Promise<string[]> {
  const limits = { maxOutputBytes: 64 * 1024 * 1024 };
  const results = [await outcome(() => Promise.resolve(codec.decode(bytes, limits)))];
  for (const size of sizes) {
    results.push(await outcome(() => collect(codec.decodeStream(inPieces(bytes, size), limits))));
  }
  return [...new Set(results)];
}

async function outcome(decode: () => Promise<Uint8Array>): Promise<string> {
  try {
    return `${(await decode()).length} bytes`;
  } catch (error) {
    return isSyncError(error) ? error.code : String(error);
  }
}

/** The bytes in pieces of the sizes in turn. */
export async function* cut(
  bytes: Uint8Array,
  sizes: readonly number[],
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    yield await Promise.resolve(bytes.subarray(at, at + size));
    at += size;
  }
}

const run = fc
  .tuple(fc.nat(255), fc.oneof(fc.nat(8), fc.integer({ min: 250, max: 262 }), fc.nat(3000)))
  .map(([byte, length]) => Buffer.alloc(length, byte));
const noise = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
const word = fc
  .tuple(fc.string({ maxLength: 12 }), fc.nat(300))
  .map(([text, times]) => Buffer.from(text.repeat(times)));

/** Documents of runs around the lengths that bzip2 counts specially, random bytes and repeated words. */
export const runsAndNoise: fc.Arbitrary<Buffer> = fc
  .array(fc.oneof(run, noise, word), { maxLength: 12 })
  .map((pieces) => Buffer.concat(pieces));

/** The complete streams that a body of this package's encoder is made of: each starts on a byte. */
export function streamsOf(body: Uint8Array): Uint8Array[] {
  const start = Buffer.from('BZh9\x31\x41\x59\x26\x53\x59', 'latin1');
  const bytes = Buffer.from(body);
  const starts: number[] = [];
  for (let at = bytes.indexOf(start); at >= 0; at = bytes.indexOf(start, at + 1)) starts.push(at);
  return starts.map((at, i) => bytes.subarray(at, starts[i + 1] ?? bytes.length));
}
