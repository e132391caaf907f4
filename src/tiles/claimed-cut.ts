import { SyncError } from '../errors/index.js';
import { MAX_TILE_BLOCKS, MAX_TILE_BYTES, type TileCut, widthAt } from './cut.js';

/** The heights that a tile is of: with height 0 also in a chain that begins at 1. */
interface Interval {
  readonly start: number;
  readonly width: number;
}

/**
 * Checks tiles that a peer claims to have, in order, before any is fetched: that they are such as the rule cuts. What
 * stays unknown is whether the documents are as long as is claimed; the tiles tell.
 */
export class ClaimedCut {
  #last: { readonly cut: TileCut; readonly interval: Interval } | null = null;

  /** Takes the next tile. @throws SyncError `PROTOCOL_VIOLATION` for one that the rule would not have cut */
  add(cut: TileCut): void {
    const interval = intervalOf(cut, this.#last === null);
    checkSize(cut);
    if (this.#last !== null) {
      if (cut.from !== this.#last.cut.to + 1) throw wrong(cut, `it does not follow ${this.#last.cut.to}`);
      checkSiblings(this.#last.cut, this.#last.interval, cut, interval);
    }
    this.#last = { cut, interval };
  }
}

function intervalOf(cut: TileCut, isFirst: boolean): Interval {
  const { from, to } = cut;
  const areHeights = Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from <= to;
  if (!areHeights) throw wrong(cut, 'these are no heights');
  // Height 1 alone is the half [1, 2), or what a chain from 1 on has of [0, 2); that makes no difference.
  const start = isFirst && from === 1 && to > 1 ? 0 : from;
  const width = to - start + 1;
  if (isPowerOfTwo(width) && width <= widthAt(start)) return { start, width };
  throw wrong(cut, `no interval of at most ${MAX_TILE_BLOCKS} heights is so`);
}

function checkSize(cut: TileCut): void {
  const { from, to, documentBytes } = cut;
  // The shortest document is `{}`.
  if (!Number.isSafeInteger(documentBytes) || documentBytes < 3 * (to - from + 1))
    throw wrong(cut, `its documents can't have ${documentBytes} bytes`);
  if (from < to && documentBytes > MAX_TILE_BYTES)
    throw wrong(cut, `its documents have ${documentBytes} bytes, more than ${MAX_TILE_BYTES}`);
}

function checkSiblings(left: TileCut, low: Interval, right: TileCut, high: Interval): void {
  const { start, width } = low;
  const areHalves = width === high.width && width < MAX_TILE_BLOCKS && start % (2 * width) === 0;
  const bytes = left.documentBytes + right.documentBytes;
  if (areHalves && bytes <= MAX_TILE_BYTES)
    throw wrong(right, `it and the one before are ${bytes} bytes together, which is one tile`);
}

function isPowerOfTwo(count: number): boolean {
  return count <= MAX_TILE_BLOCKS && (count & (count - 1)) === 0;
}

function wrong({ from, to }: TileCut, why: string): SyncError {
  return new SyncError('PROTOCOL_VIOLATION', `Tile ${from}–${to} is not cut by the rule: ${why}.`, {
    height: from,
  });
}
