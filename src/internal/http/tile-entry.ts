import type { TileEntry } from '../../contracts/index.js';
import { maxBodyBytes } from '../../tiles/entry.js';
import { MORE_TILE_CODECS } from '../codecs.js';
import { asObject, isHash, isHeight } from './shape.js';

/** The shortest document is `{}`, and each has a line feed. */
const MIN_LINE_BYTES = 3;

const DIGEST = /^[0-9a-f]{64}$/;

/**
 * Reads what a peer says of a tile; `null` for anything else, and for lengths that no tile of these heights has. Whether
 * the heights are cut by the rule is not looked at.
 */
export function asTileEntry(value: unknown): TileEntry | null {
  const members = asObject(value) ?? {};
  const { from, to, hash, documentBytes, bytes, digest = null } = members;
  if (!isHeight(from) || !isHeight(to) || !isHash(hash) || !isDigest(digest)) return null;
  if (!isHeight(documentBytes) || !isHeight(bytes)) return null;
  const entry = { from, to, hash, documentBytes, bytes, digest, ...readOtherBytes(members) };
  return isPossible(entry) ? entry : null;
}

/** Lengths in other codecs; what is none is as impossible as 0. */
function readOtherBytes(members: Readonly<Record<string, unknown>>): Pick<TileEntry, 'otherBytes'> {
  const there = MORE_TILE_CODECS.filter((codec) => Object.hasOwn(members, codec));
  if (there.length === 0) return {};
  const lengthOf = (value: unknown): number => (isHeight(value) ? value : 0);
  return { otherBytes: Object.fromEntries(there.map((codec) => [codec, lengthOf(members[codec])])) };
}

function isPossible({ from, to, documentBytes, bytes, otherBytes = {} }: TileEntry): boolean {
  if (from > to || documentBytes < MIN_LINE_BYTES * (to - from + 1)) return false;
  const most = maxBodyBytes(documentBytes);
  return [bytes, ...Object.values(otherBytes)].every((length) => length > 0 && length <= most);
}

function isDigest(value: unknown): value is string | null {
  return value === null || (typeof value === 'string' && DIGEST.test(value));
}
