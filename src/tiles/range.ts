import type { BlockRange, BlockSource, StorageTiles } from '../contracts/index.js';
import { firstCut, MAX_TILE_BLOCKS } from './cut.js';

/** Heights that are asked for at once. */
const STEP = 16 * MAX_TILE_BLOCKS;

/** Blocks above the newest tile that there always may be: what is not settled and what is undecided. */
const USUAL_TAIL = 2 * MAX_TILE_BLOCKS;

/** So far below the head, where a tile is looked for behind a hole. */
const WINDOW = 4 * MAX_TILE_BLOCKS;

/** So many intervals are gone back one by one when the newest tile is gone; then all are looked at again. */
const MAX_STEPS_BACK = 64;

type Found = BlockRange & {
  /** Base of the source when it was found. */
  readonly base: number;
  /** Hash of the last block; `null` when it was not looked at. */
  readonly hash: string | null;
};

/**
 * Which tiles a source has behind each other, down from the newest: the first that is missing, because it could not be
 * made, bounds them. Each look begins with what the one before found, and reads little when little has changed.
 */
export class TileRange {
  readonly #source: Pick<BlockSource, 'tip'>;
  readonly #tiles: Pick<StorageTiles, 'at' | 'list'>;
  /** What the look that goes on has found, and the next one begins with. */
  #found: Found | null = null;
  /** What the last look found that came to its end. */
  #whole: Found | null = null;

  constructor(source: Pick<BlockSource, 'tip'>, tiles: Pick<StorageTiles, 'at' | 'list'>) {
    this.#source = source;
    this.#tiles = tiles;
  }

  /** First and last height of the tiles that were found; `null` for none. */
  get current(): BlockRange | null {
    // A look that begins anew has nothing at first. The first one may take long, and shows how far it is.
    const found = this.#whole ?? this.#found;
    if (found === null) return null;
    // Blocks may have been pruned since.
    const from = Math.max(found.from, firstCut(this.#source.tip().base));
    return from > found.to ? null : { from, to: found.to };
  }

  /** Looks again. One at a time. @throws what the source throws */
  async look(): Promise<void> {
    const { base, head } = this.#source.tip();
    if (head === null || this.#found?.base !== base) this.#found = null;
    if (head !== null) await this.#lookUpTo(head.height, base);
    this.#whole = this.#found;
  }

  async #lookUpTo(head: number, base: number): Promise<void> {
    await this.#goBack();
    if (this.#found === null) await this.#takeAt(firstCut(base), base);
    await this.#goUp();
    await this.#lookBehindHole(head, base);
  }

  /** Leaves what is gone: tiles go from the newest down, an interval at least. */
  async #goBack(): Promise<void> {
    for (let steps = 0; this.#found !== null && !(await this.#isThere(this.#found)); steps++) {
      const { from, to, base } = this.#found;
      const below = to - (to % MAX_TILE_BLOCKS) - 1;
      this.#found = below < from || steps >= MAX_STEPS_BACK ? null : { from, to: below, base, hash: null };
    }
  }

  async #isThere({ to, hash }: Found): Promise<boolean> {
    const tile = await this.#tiles.at(to);
    return tile !== null && tile.to === to && (hash === null || tile.hash === hash);
  }

  /** Takes the tile that begins at a height, where there is one. */
  async #takeAt(height: number, base: number): Promise<boolean> {
    const tile = await this.#tiles.at(height);
    if (tile?.from !== height) return false;
    this.#found = { from: this.#found?.from ?? height, to: tile.to, hash: tile.hash, base };
    return true;
  }

  async #goUp(): Promise<void> {
    while (this.#found !== null && (await this.#takeAt(this.#found.to + 1, this.#found.base))) {
      const next = this.#found.to + 1;
      for (const { from, to, hash } of await this.#tiles.list({ from: next, to: next + STEP - 1 }))
        this.#found = {
          ...this.#found,
          from: from === this.#found.to + 1 ? this.#found.from : from,
          to,
          hash,
        };
    }
  }

  /** More tiles may be above one that could not be made. */
  async #lookBehindHole(head: number, base: number): Promise<void> {
    const next = (this.#found?.to ?? base - 1) + 1;
    if (head - next < USUAL_TAIL) return;
    const tiles = await this.#tiles.list({ from: Math.max(next, head - WINDOW + 1), to: head });
    const newest = tiles.at(-1);
    if (newest === undefined) return;
    const from = await this.#goDown(newest.from, next);
    const { from: known } = this.#found ?? { from };
    this.#found = { from: from > next ? from : known, to: newest.to, hash: newest.hash, base };
  }

  /** @returns the first height of the tiles that lie behind each other down from one. @param lowest - to be looked at */
  async #goDown(from: number, lowest: number): Promise<number> {
    let first = from;
    for (;;) {
      const before = first;
      const tiles = await this.#tiles.list({ from: Math.max(lowest, first - STEP), to: first - 1 });
      for (const tile of tiles.toReversed()) {
        if (tile.to !== first - 1) return first;
        first = tile.from;
      }
      if (first === before) return first;
    }
  }
}
