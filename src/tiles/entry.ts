import type { TileEntry } from '../contracts/index.js';

/** The line of a tile in the index of its page, with its line feed. */
export function entryLine(entry: TileEntry): string {
  return `${JSON.stringify(entryMembers(entry))}\n`;
}

/** What an index, or a status document, says of a tile. `digest` is a member only where there is one. */
export function entryMembers({ from, to, hash, documentBytes, bytes, digest }: TileEntry): object {
  return { from, to, hash, documentBytes, bytes, ...(digest === null ? {} : { digest }) };
}

/**
 * Most bytes of a body that has documents of a length: gzip makes what it can't compress hardly longer, and each member
 * has a head.
 */
export function maxBodyBytes(documentBytes: number): number {
  return documentBytes + Math.ceil(documentBytes / 100) + 64 * 1024;
}
