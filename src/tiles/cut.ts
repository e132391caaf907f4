/** Most blocks of a tile; a power of two. Every node cuts by this, so it never changes. */
export const MAX_TILE_BLOCKS = 1024;

/** Most bytes of a tile's documents, each with its line feed, unless it is one larger block. As fixed as the other. */
export const MAX_TILE_BYTES = 4_194_304;

const NONE: readonly DecidedCut[] = [];

/** The range of a tile. */
export interface TileCut {
  readonly from: number;
  readonly to: number;
  /** Bytes of its documents, each with its line feed. */
  readonly documentBytes: number;
}

/** A tile that a chain's blocks decided. */
export interface DecidedCut extends TileCut {
  /** Height of the block that decided it: its last one, or a later one that made the interval around it too large. */
  readonly decidedAt: number;
}

/**
 * Cuts a chain into tiles while it grows.
 *
 * The intervals are those of a binary tree: [k·2ʲ, (k+1)·2ʲ), the largest of 1,024 heights. From the top down, an
 * interval whose blocks are too many bytes is halved, as soon as they are; one that is not, and is complete, is a tile.
 * So the blocks up to `decidedAt` alone decide a tile, and no later block changes it.
 */
export class TileCutter {
  readonly #first: number;
  /** Where the interval begins that is looked at; all below is cut. */
  #start: number;
  /** Its heights. */
  #width: number;
  /** Bytes of the blocks from `#start` on, each with those before it. */
  #sums: number[] = [];

  /**
   * @param base - the lowest height held.
   * @param from - the height after a tile, to go on there; the blocks from it on come next.
   */
  constructor(base: number, from?: number) {
    this.#first = firstCut(base);
    this.#start = from ?? startOf(this.#first);
    this.#width = widthAt(this.#start);
  }

  /** One in the same state, to go on by itself. */
  copy(): TileCutter {
    const copy = new TileCutter(this.#first, this.#start);
    copy.#width = this.#width;
    copy.#sums = [...this.#sums];
    return copy;
  }

  /** The lowest height that is in no tile yet. */
  get undecidedFrom(): number {
    return Math.max(this.#start, this.#first);
  }

  /**
   * Takes the next block. A height that lies before the first tile changes nothing.
   *
   * @param documentBytes - of its document, without the line feed.
   * @returns the tiles that it decides, in order.
   * @throws TypeError for a height that is not the next
   */
  push(height: number, documentBytes: number): readonly DecidedCut[] {
    if (height < this.#first) return [];
    const wanted = this.undecidedFrom + this.#sums.length;
    if (height !== wanted) throw new TypeError(`Block ${wanted} is next, not ${height}.`);
    this.#sums.push((this.#sums.at(-1) ?? 0) + documentBytes + 1);
    const first = this.#decide(height);
    // As nearly every block does: so nothing is allocated for each.
    if (first === null) return NONE;
    const decided = [first];
    for (let cut = this.#decide(height); cut !== null; cut = this.#decide(height)) decided.push(cut);
    return decided;
  }

  /**
   * Whether a run of undecided blocks is an interval that may become a tile, or a part of one: what comes next tells. None
   * that is cut will end within it.
   */
  mayBecome({ from, to, documentBytes }: TileCut): boolean {
    const first = this.undecidedFrom;
    if (from < first || from > to || to >= first + this.#sums.length) return false;
    const start = from === this.#first ? startOf(from) : from;
    const width = to - start + 1;
    const isInterval = (width & (width - 1)) === 0 && width <= widthAt(start);
    return isInterval && (from === to || documentBytes <= MAX_TILE_BYTES);
  }

  #decide(decidedAt: number): DecidedCut | null {
    while (this.#sums.length > 0) {
      const from = this.undecidedFrom;
      const blocks = this.#start + this.#width - from;
      const documentBytes = this.#sums[Math.min(blocks, this.#sums.length) - 1] ?? 0;
      if (blocks > 0 && documentBytes > MAX_TILE_BYTES && this.#width > 1) this.#width /= 2;
      else if (blocks > this.#sums.length) return null;
      else {
        this.#leave(blocks, documentBytes);
        if (blocks > 0) return { from, to: from + blocks - 1, documentBytes, decidedAt };
      }
    }
    return null;
  }

  /** Goes on behind the interval, with the largest that begins there and lies in none that was halved. */
  #leave(blocks: number, bytes: number): void {
    this.#sums = this.#sums.slice(Math.max(0, blocks)).map((sum) => sum - bytes);
    this.#start += this.#width;
    this.#width = widthAt(this.#start);
  }
}

/**
 * The lowest height that is in a tile of a node whose lowest block is at `base`. A chain begins at 0 or 1; what begins
 * higher is a part of one, in which no interval is complete that begins before it.
 */
export function firstCut(base: number): number {
  return base <= 1 ? base : Math.ceil(base / MAX_TILE_BLOCKS) * MAX_TILE_BLOCKS;
}

/** Heights of the largest interval that begins at a height. */
export function widthAt(start: number): number {
  let width = 1;
  while (width < MAX_TILE_BLOCKS && start % (2 * width) === 0) width *= 2;
  return width;
}

/** Where the interval begins that has the first height: a chain from 1 on has the intervals of one from 0 on. */
function startOf(first: number): number {
  return first === 1 ? 0 : first;
}
