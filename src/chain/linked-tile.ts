import type { BlockRange, ChainRules, CommitTile, Frame, VerifiedTile } from '../contracts/index.js';
import type { SyncError } from '../errors/index.js';
import { TileDocuments } from '../tiles/documents.js';
import { TileFrame } from '../tiles/tile-frame.js';
import type { StorageEncoding } from './storage-encoding.js';

/** The blocks of a tile that are wanted, and the tile where that is all of them. */
export interface TileBlocks {
  readonly frames: readonly Frame[];
  /** `null` where some of its blocks are here already, or not wanted. */
  readonly tile: CommitTile | null;
  /** Why the blocks end before the last that is wanted: what the one behind them is refused for; `null` where they don't. */
  readonly failure: SyncError | null;
}

/** How tiles are taken. */
export interface TilePolicy {
  /** Those that were checked by themselves. */
  readonly checked: WeakSet<VerifiedTile>;
  /** Whether the store keeps tiles: then blocks are left as they are in them. */
  readonly areKept: boolean;
}

/** The blocks of a tile that are wanted, raw. */
export function framesOf(tile: VerifiedTile, { from, to }: BlockRange): readonly Frame[] {
  const { headers, documentLengths } = tile;
  const documents = new TileDocuments(tile);
  const frames: Frame[] = [];
  for (let index = from - tile.from; index <= to - tile.from; index++) {
    const [header, length] = [headers[index], documentLengths[index]];
    if (header === undefined || length === undefined)
      throw new TypeError('A tile has more blocks than headers.');
    frames.push(new TileFrame(header, length, documents, index));
  }
  return frames;
}

/** The same in the form in which a store without tiles keeps them. */
export function encodedFrames(frames: readonly Frame[], encoding: StorageEncoding): readonly Frame[] {
  return frames.map((frame) => {
    const { header, documentBytes } = frame;
    return { header, ...encoding.encode(frame.bytes, null), documentBytes };
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
