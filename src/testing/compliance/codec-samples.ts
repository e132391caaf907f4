import { randomBytes } from 'node:crypto';

/** A limit that no sample reaches. */
export const LIMIT = { maxOutputBytes: 8 * 1024 * 1024 };

/** Documents of the kinds that codecs treat differently, by name. */
export function samples(): Record<string, Uint8Array> {
  return {
    'an empty document': new Uint8Array(0),
    'one byte': Uint8Array.of(0x7b),
    'random bytes': randomBytes(200_000),
    'one MiB of one byte': new Uint8Array(1024 * 1024).fill(0x61),
    'JSON text': mibOfText().subarray(0, 97_000),
  };
}

/** A MiB of JSON-like text that compresses about as well as real records do. */
export function mibOfText(): Uint8Array {
  let seed = 1;
  const parts: string[] = [];
  for (let length = 0; length < 1024 * 1024; length += parts.at(-1)?.length ?? 0) {
    seed = (seed * 48271) % 0x7fffffff;
    parts.push(`{"id":"p${seed}","resourceType":"Observation","value":${seed % 997},"unit":"mmol/l"},`);
  }
  return Buffer.from(parts.join(''));
}

/** The bytes in pieces of a size; calls `onClosed` when the reader is done or leaves. */
export async function* inPieces(
  bytes: Uint8Array,
  size: number,
  onClosed: () => void = () => undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (let at = 0; at < bytes.length; at += size) {
      yield await Promise.resolve(bytes.subarray(at, at + size));
    }
  } finally {
    onClosed();
  }
}

/** All chunks as one buffer. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** Takes one chunk and leaves. */
export async function takeOne(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const iterator = chunks[Symbol.asyncIterator]();
  await iterator.next();
  await iterator.return?.();
}
