import type { TileEntry } from '../../contracts/index.js';
import { maxBodyBytes } from '../../tiles/entry.js';
import { asObject, isHash, isHeight } from './shape.js';

/** The shortest document is `{}`, and each has a line feed. */
const MIN_LINE_BYTES = 3;

const DIGEST = /^[0-9a-f]{64}$/;

/**
 * Reads what a peer says of a tile; `null` for anything else, and for lengths that no tile of these heights has. Whether
 * the heights are cut by the rule is not looked at.
 */
export function asTileEntry(value: unknown): TileEntry | null {
  const { from, to, hash, documentBytes, bytes, digest = null } = asObject(value) ?? {};
  if (!isHeight(from) || !isHeight(to) || !isHash(hash) || !isDigest(digest)) return null;
  if (!isHeight(documentBytes) || !isHeight(bytes)) return null;
  const entry = { from, to, hash, documentBytes, bytes, digest };
  return isPossible(entry) ? entry : null;
}

function isPossible({ from, to, documentBytes, bytes }: TileEntry): boolean {
  if (from > to || documentBytes < MIN_LINE_BYTES * (to - from + 1)) return false;
  return bytes > 0 && bytes <= maxBodyBytes(documentBytes);
}

function isDigest(value: unknown): value is string | null {
  return value === null || (typeof value === 'string' && DIGEST.test(value));
}
