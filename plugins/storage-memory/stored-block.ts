import type { BlockHeader, Frame, StateChange, Tile, TileBody } from '../../src/contracts/index.js';
import { ownBytes } from '../../src/internal/own-bytes.js';
import { decodeTileBytes, isLarge, largeFrameOf } from '../../src/tiles/body.js';

/** A tile as it is kept. */
export interface KeptTile {
  readonly tile: Tile;
  readonly body: Uint8Array;
  /** Height of the block that decided it; `null` while that is open or not settled. */
  readonly decidedAt: number | null;
}

/** Blocks that decode together. */
interface KeptMember {
  readonly bytes: Uint8Array;
  /** Length of each document. */
  readonly lengths: readonly number[];
}

/** A block and what takes its changes of the state back. */
export interface StoredBlock {
  readonly header: BlockHeader;
  readonly documentBytes: number;
  readonly undo: readonly StateChange[];
  /** Its bytes: by itself, or in a member of a tile. */
  readonly kept: Frame | { readonly member: KeptMember; readonly index: number };
  /** The tile that it is in, also one that is not decided yet. */
  readonly tile: KeptTile | null;
}

/** A block that is kept by itself: a small one does not keep the read that it came with. */
export function storedBlock(frame: Frame, undo: readonly StateChange[]): StoredBlock {
  const bytes = ownBytes(frame.bytes);
  const kept = bytes === frame.bytes ? frame : { ...frame, bytes };
  return { header: frame.header, documentBytes: frame.documentBytes, undo, kept, tile: null };
}

/** A block whose bytes are in a tile that it is put into next: they are not looked at. */
export function tileBlock(frame: Frame, undo: readonly StateChange[]): StoredBlock {
  const { header, documentBytes } = frame;
  return { header, documentBytes, undo, kept: frame, tile: null };
}

/** The same blocks in a tile. */
export function inTile(
  blocks: readonly Pick<StoredBlock, 'header' | 'documentBytes' | 'undo'>[],
  tile: KeptTile,
  { bytes, members }: TileBody,
): readonly StoredBlock[] {
  let from = 0;
  let at = 0;
  return members.flatMap((piece): readonly StoredBlock[] => {
    const inside = blocks.slice(from, from + piece.blocks);
    const lengths = inside.map(({ documentBytes }) => documentBytes);
    const member = { bytes: bytes.subarray(at, at + piece.bytes), lengths };
    from += piece.blocks;
    at += piece.bytes;
    return inside.map(({ header, documentBytes, undo }, index) => {
      return { header, documentBytes, undo, kept: { member, index }, tile };
    });
  });
}

/** Gives frames of stored blocks. Blocks that are read one by one mostly lie side by side: so it keeps one member decoded. */
export class Frames {
  #last: { readonly member: KeptMember; readonly documents: Promise<Uint8Array> } | null = null;

  async of({ header, documentBytes, kept }: StoredBlock): Promise<Frame> {
    if ('codec' in kept) return kept;
    const { member, index } = kept;
    if (isLarge(documentBytes))
      return { header, codec: 'gzip', documentBytes, bytes: largeFrameOf(member.bytes) };
    const at = member.lengths.slice(0, index).reduce((sum, length) => sum + length + 1, 0);
    const documents = await this.#decode(member);
    return {
      header,
      codec: 'identity',
      documentBytes,
      bytes: documents.subarray(at, at + documentBytes),
    };
  }

  #decode(member: KeptMember): Promise<Uint8Array> {
    if (this.#last?.member === member) return this.#last.documents;
    const bytes = member.lengths.reduce((sum, length) => sum + length + 1, 0);
    const documents = decodeTileBytes(member.bytes, bytes);
    this.#last = { member, documents };
    return documents;
  }
}
