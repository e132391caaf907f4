import { MAX_TILE_BYTES, type TileCut, widthAt } from '../../src/tiles/cut.js';
import { isLarge, isTileCodec } from '../../src/tiles/body.js';
import type { BlockInfo } from './records.js';
import type { Opened } from './switch-contents.js';

/** Frames of fewer bytes than this are left as they are. */
const WORTH_BYTES = 256 * 1024;

/** A piece saves about three quarters of so many bytes at least. */
const MIN_PIECE_BYTES = 128 * 1024;

/**
 * Intervals of settled blocks behind the last tile that are worth to be kept in one piece: raw small blocks, which take
 * four times as much room by themselves. Each may become a tile or a part of one, because what is cut never ends within an
 * interval that fits.
 */
export async function tailPieces(
  { contents, reader, plan }: Pick<Opened, 'contents' | 'reader' | 'plan'>,
  settled: number,
): Promise<readonly TileCut[]> {
  const from = plan.framesFrom;
  if (contents.segments.usedBytes < WORTH_BYTES || settled < from) return [];
  const pieces: TileCut[] = [];
  let blocks: BlockInfo[] = [];
  for await (const run of reader.runs({ from, to: settled }, {})) {
    if (run.kind === 'tile') {
      pieces.push(...piecesOf(blocks));
      blocks = [];
    } else blocks.push(...run.blocks.filter(({ header: { height } }) => height >= from && height <= settled));
  }
  return [...pieces, ...piecesOf(blocks)];
}

function piecesOf(blocks: readonly BlockInfo[]): readonly TileCut[] {
  const pieces: TileCut[] = [];
  for (let at = 0; at < blocks.length;) {
    let width = widthAt(blocks[at]?.header.height ?? 0);
    while (width > 1 && (at + width > blocks.length || bytesOf(blocks, at, width) > MAX_TILE_BYTES))
      width /= 2;
    const inside = blocks.slice(at, at + width);
    const [first] = inside;
    if (first !== undefined && isWorth(inside)) {
      const { height } = first.header;
      pieces.push({ from: height, to: height + width - 1, documentBytes: bytesOf(blocks, at, width) });
    }
    at += width;
  }
  return pieces;
}

function bytesOf(blocks: readonly BlockInfo[], at: number, width: number): number {
  return blocks.slice(at, at + width).reduce((sum, { documentBytes }) => sum + documentBytes + 1, 0);
}

function isWorth(blocks: readonly BlockInfo[]): boolean {
  const raw = blocks.filter(({ codec, documentBytes }) => codec === 'identity' && !isLarge(documentBytes));
  const bytes = raw.reduce((sum, { documentBytes }) => sum + documentBytes, 0);
  return bytes >= MIN_PIECE_BYTES && blocks.every(({ codec }) => isTileCodec(codec));
}
