import type { ChainRules, CommitTile, Frame, VerifiedTile } from '../contracts/index.js';
import type { StorageEncoding } from './storage-encoding.js';

/** The blocks of a tile that are wanted, and the tile where that is all of them. */
export interface TileBlocks {
  readonly frames: readonly Frame[];
  /** `null` where some of its blocks are here already, or not wanted. */
  readonly tile: CommitTile | null;
}

/** How tiles are taken. */
export interface TilePolicy {
  /** Those that were checked by themselves. */
  readonly checked: WeakSet<VerifiedTile>;
  /** Whether the store keeps tiles: then blocks are left as they are in them. */
  readonly areKept: boolean;
}

/** The documents of a tile from one height to another, in its memory. */
export function documentsOf(tile: VerifiedTile, from: number, to: number): readonly Uint8Array[] {
  const { documentLengths, documents } = tile;
  const { buffer, byteOffset } = documents;
  const wanted: Uint8Array[] = [];
  let start = byteOffset;
  let height = tile.from;
  for (const length of documentLengths) {
    if (height >= from && height <= to) wanted.push(new Uint8Array(buffer, start, length));
    start += length + 1;
    height += 1;
  }
  return wanted;
}

/** The frames of a tile's blocks from a height on. @param documents - of these blocks */
export function framesOf(
  { headers, from }: VerifiedTile,
  first: number,
  documents: readonly Uint8Array[],
  encoding: StorageEncoding,
): readonly Frame[] {
  return documents.map((document, at) => {
    const header = headers[first - from + at];
    if (header === undefined) throw new TypeError('A tile has more documents than headers.');
    return { header, ...encoding.encode(document, null), documentBytes: document.byteLength };
  });
}

/** A tile as a store takes it; `null` where not all of its blocks are taken, or its bytes could not be told from others. */
export function wholeOf(
  tile: VerifiedTile,
  frames: readonly Frame[],
  { covers }: Pick<ChainRules, 'covers'>,
): CommitTile | null {
  const isKnown = covers === 'document' || tile.digest !== null;
  if (frames.length !== tile.headers.length || !isKnown) return null;
  const { from, to, previousHash, hash, documentBytes, digest, body } = tile;
  const bytes = body.bytes.byteLength;
  return { from, to, previousHash, hash, documentBytes, bytes, digest, body };
}
