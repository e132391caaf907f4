import type { BlockHeader, TileEntry, VerifiedTile } from '../contracts/index.js';
import type { BlockColumns } from './check-blocks.js';
import type { CheckedTile } from './verify.js';

/** Puts together what a tile is known to be. @param body - that was checked */
export function verifiedTile(
  entry: TileEntry,
  { columns, members, encoded }: CheckedTile,
  body: Uint8Array,
): VerifiedTile {
  const { from, to, hash, documentBytes, digest } = entry;
  const bytes = encoded ?? body;
  return {
    from,
    to,
    hash,
    documentBytes,
    digest,
    previousHash: columns.previousHash,
    bytes: bytes.byteLength,
    headers: headersOf(from, columns),
    documentLengths: columns.lengths,
    body: { bytes, members },
    validators: columns.validators,
  };
}

/** Each parent's hash is the string that its own header has: in memory once. */
function headersOf(from: number, { previousHash, hashes, timestamps }: BlockColumns): readonly BlockHeader[] {
  let parent = previousHash;
  return hashes.map((hash, at) => {
    const header = { height: from + at, hash, previousHash: parent, timestamp: timestamps[at] ?? null };
    parent = hash;
    return header;
  });
}
