import type { BlockSource, Tile } from '../../src/contracts/index.js';
import { MemorySource } from './memory-source.js';

/** What a source says of a tile, where a test is not about what is in it. */
export function tileOf(from: number, to: number, more: Partial<Tile> = {}): Tile {
  const documentBytes = 100 * (to - from + 1);
  const hash = `hash-${to}`;
  return {
    from,
    to,
    hash,
    previousHash: `hash-${from - 1}`,
    documentBytes,
    bytes: 50,
    digest: null,
    ...more,
  };
}

/** Tiles that a test can change. */
export class TileList {
  readonly tiles: Tile[];
  /** Ranges that were asked for. */
  readonly lists: { readonly from: number; readonly to: number }[] = [];

  constructor(tiles: readonly Tile[]) {
    this.tiles = [...tiles];
  }

  at(height: number): Promise<Tile | null> {
    return Promise.resolve(this.tiles.find(({ from, to }) => from <= height && height <= to) ?? null);
  }

  list(range: { readonly from: number; readonly to: number }): Promise<readonly Tile[]> {
    this.lists.push(range);
    return Promise.resolve(this.tiles.filter(({ from }) => range.from <= from && from <= range.to));
  }
}

/** A source with tiles whose bodies are given. */
export class TileSource extends MemorySource {
  readonly tiles: NonNullable<BlockSource['tiles']>;

  constructor(tiles: readonly Tile[], body: (tile: Tile) => Uint8Array | null) {
    super();
    const list = new TileList(tiles);
    this.tiles = {
      at: (height) => list.at(height),
      list: (range) => list.list(range),
      body: (tile) => Promise.resolve(body(tile)),
    };
  }
}
