import type { PackChunk } from '../../../src/contracts/index.js';

/** A piece of the document that is kept in one part where it fits: a block, or a few bytes between blocks. */
export interface Piece {
  readonly chunks: readonly PackChunk[];
  /** Decoded bytes of all chunks. */
  readonly rawBytes: number;
  /** Blocks that end with it: 0 or 1. */
  readonly blocks: number;
}

/** Pieces that are packed together: one part, or several when a single piece is larger than a part. */
export type Run = Piece;

/** A piece of plain bytes. */
export function plainPiece(bytes: Uint8Array): Piece {
  return { chunks: [{ kind: 'raw', bytes }], rawBytes: bytes.length, blocks: 0 };
}

/** Groups pieces into runs that fill a part as far as whole pieces do. */
export async function* groupRuns(pieces: AsyncIterable<Piece>, maxPartBytes: number): AsyncGenerator<Run> {
  let group: Piece[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    if (group.length > 0 && bytes + piece.rawBytes > maxPartBytes) {
      yield joined(group);
      group = [];
      bytes = 0;
    }
    group.push(piece);
    bytes += piece.rawBytes;
  }
  if (group.length > 0) yield joined(group);
}

function joined(group: readonly Piece[]): Run {
  let rawBytes = 0;
  let blocks = 0;
  for (const piece of group) {
    rawBytes += piece.rawBytes;
    blocks += piece.blocks;
  }
  return { chunks: mergePlain(group.flatMap(({ chunks }) => chunks)), rawBytes, blocks };
}

/** Plain neighbours become one chunk: state entries are many and small. */
function mergePlain(chunks: readonly PackChunk[]): readonly PackChunk[] {
  const merged: PackChunk[] = [];
  let plain: Uint8Array[] = [];
  const flush = (): void => {
    if (plain.length > 0) merged.push({ kind: 'raw', bytes: concat(plain) });
    plain = [];
  };
  for (const chunk of chunks) {
    if (chunk.kind === 'raw') {
      plain.push(chunk.bytes);
      continue;
    }
    flush();
    merged.push(chunk);
  }
  flush();
  return merged;
}

/** Not a slice of Node's shared buffer: what goes to another thread is copied with all that lies around it. */
function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
