import { TileCache } from '../../src/tiles/tile-cache.js';
import type { Moment } from './store-row.js';
import type { TileRow } from './tile-rows.js';

/** Tiles whose rows are remembered. */
const MOST_ROWS = 16;

/** What a process remembers of tiles: pieces that it has decoded, and the rows that it read last. */
export class TileMemory {
  /** Heads and documents. */
  readonly pieces = new TileCache();
  #rows: readonly { readonly moment: string; readonly tile: TileRow }[] = [];

  /** A row of the same moment that has a height; `null` when it would have to be read. */
  recall(at: Moment, height: number): TileRow | null {
    const moment = nameOf(at);
    const found = this.#rows.find(
      ({ moment: of, tile: { from, to } }) => of === moment && from <= height && to >= height,
    );
    return found?.tile ?? null;
  }

  /** Remembers a row of a moment. */
  note(at: Moment, tile: TileRow): void {
    this.#rows = [{ moment: nameOf(at), tile }, ...this.#rows.slice(0, MOST_ROWS - 1)];
  }
}

const nameOf = ({ epoch, version, gen }: Moment): string => `${epoch}:${version}:${gen}`;

/** Where a piece of a tile is kept: a version that was lost in a failover comes again, with other blocks. */
export function pieceKey({ gen, from, born, hash }: TileRow, piece: string): string {
  return `${gen}:${from}:${born}:${hash}:${piece}`;
}
