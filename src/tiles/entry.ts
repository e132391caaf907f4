import type { TileEntry } from '../contracts/index.js';

/** The line of a tile in the index of its page, with its line feed. */
export function entryLine(entry: TileEntry): string {
  return `${JSON.stringify(entryMembers(entry))}\n`;
}

/** What an index, or a status document, says of a tile. `digest` and other codecs are members only where there are any. */
export function entryMembers(entry: TileEntry): object {
  const { from, to, hash, documentBytes, bytes, digest, otherBytes } = entry;
  return { from, to, hash, documentBytes, bytes, ...(digest === null ? {} : { digest }), ...otherBytes };
}

/**
 * The codec to ask for a tile in: of those that the client takes the first one that the peer has it in, and gzip, which
 * every peer has, where there is none.
 *
 * @param accepted - best first.
 */
export function codecFor(
  { otherBytes = {} }: Pick<TileEntry, 'otherBytes'>,
  accepted: readonly string[],
): string {
  return accepted.find((codec) => codec === 'gzip' || Object.hasOwn(otherBytes, codec)) ?? 'gzip';
}

/** Length of a tile's body in a codec; in gzip where it is not in that. */
export function bytesIn(
  { bytes, otherBytes = {} }: Pick<TileEntry, 'bytes' | 'otherBytes'>,
  codec: string,
): number {
  return otherBytes[codec] ?? bytes;
}

/**
 * Most bytes of a body that has documents of a length: codecs make what they can't compress hardly longer, and each member
 * has a head.
 */
export function maxBodyBytes(documentBytes: number): number {
  return documentBytes + Math.ceil(documentBytes / 100) + 64 * 1024;
}
