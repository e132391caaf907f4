import type { Tile } from '../../src/contracts/index.js';
import { TileCache } from '../../src/tiles/tile-cache.js';
import type { Moment } from './store-row.js';
import type { TileRow } from './tile-rows.js';

/** Tiles whose rows are remembered. */
const MOST_ROWS = 256;

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

  /** A row of any moment that is of a tile; `null` when none is known. Its body may be gone. */
  find({ from, hash }: Pick<Tile, 'from' | 'hash'>): TileRow | null {
    return this.#rows.find(({ tile }) => tile.from === from && tile.hash === hash)?.tile ?? null;
  }

  /** A row of any moment that is of the tile behind another; `null` when none is known. */
  behind({ to, gen }: Pick<TileRow, 'to' | 'gen'>): TileRow | null {
    return this.#rows.find(({ tile }) => tile.from === to + 1 && tile.gen === gen)?.tile ?? null;
  }

  /** Remembers rows of a moment, as many as there is room for. */
  note(at: Moment, ...tiles: readonly TileRow[]): void {
    const moment = nameOf(at);
    const rows = tiles.slice(0, MOST_ROWS).map((tile) => ({ moment, tile }));
    this.#rows = [...rows, ...this.#rows.slice(0, MOST_ROWS - rows.length)];
  }
}

const nameOf = ({ epoch, version, gen }: Moment): string => `${epoch}:${version}:${gen}`;

/** Where a piece of a tile is kept: a version that was lost in a failover comes again, with other blocks. */
export function pieceKey({ gen, from, born, hash }: TileRow, piece: string): string {
  return `${gen}:${from}:${born}:${hash}:${piece}`;
}
