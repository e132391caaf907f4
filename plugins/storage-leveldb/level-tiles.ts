import type { BlockRange, StorageTiles, Tile } from '../../src/contracts/index.js';
import { freeMemory } from '../../src/internal/free-memory.js';
import { pinContents } from './database.js';
import type { StoreHandle } from './store-handle.js';
import type { TileMaker } from './tile-maker.js';
import { bodyOfTile } from './tile-reads.js';
import { toTile } from './tile-record.js';

/** The tiles of a LevelDB store, as others see them. */
export class LevelTiles implements StorageTiles {
  readonly #handle: StoreHandle;
  readonly #maker: TileMaker;

  constructor(handle: StoreHandle, maker: TileMaker) {
    this.#handle = handle;
    this.#maker = maker;
  }

  get made(): number {
    return this.#maker.made;
  }

  settle(height: number, { isDigested = false }: { readonly isDigested?: boolean } = {}): Promise<void> {
    return this.#maker.settle(height, isDigested);
  }

  async at(height: number): Promise<Tile | null> {
    const tile = await this.#handle.current(({ reader }) => reader.tile(height));
    return tile === null ? null : toTile(tile);
  }

  list(range: BlockRange): Promise<readonly Tile[]> {
    return this.#handle.current(async ({ reader }) => {
      const tiles: Tile[] = [];
      for await (const run of reader.runs(range, {}))
        if (run.kind === 'tile' && run.tile.decidedAt !== null && run.tile.from >= range.from)
          tiles.push(toTile(run.tile));
      return tiles;
    });
  }

  body({ from, hash }: Tile): Promise<Uint8Array | null> {
    return this.#handle.current(async ({ contents, reader }) => {
      const unpin = pinContents(contents);
      try {
        const tile = await reader.tile(from);
        return tile?.from === from && tile.hash === hash ? await bodyOfTile(contents, tile) : null;
      } finally {
        unpin();
      }
    });
  }

  free(body: Uint8Array): void {
    freeMemory(body);
  }
}
