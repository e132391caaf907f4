import type { BlockRange, StorageTiles, Tile } from '../../src/contracts/index.js';
import { type Source, whole } from './reads.js';
import { askSeen } from './seen.js';
import type { Moment } from './store-row.js';
import type { TileMaker } from './tile-maker.js';
import { findTile, wholeBody } from './tile-reads.js';
import { tileAt, tilesIn, type TileRow } from './tile-rows.js';

/** The store of tiles, as they are read. */
export interface TilesHost {
  source(): Source;
  /** Runs a step at the present moment. */
  current<T>(read: (now: Moment) => Promise<T>): Promise<T>;
  /** Of the process that writes the store; `null` in others. @throws SyncError `STORE_CLOSED` */
  maker(): TileMaker | null;
  /** How many were made since the store was opened. */
  made(): number;
}

/** The tiles of a PostgreSQL store, as others see them. */
export class PostgresTiles implements StorageTiles {
  readonly #host: TilesHost;

  constructor(host: TilesHost) {
    this.#host = host;
  }

  get made(): number {
    return this.#host.made();
  }

  /** In a process that only reads nothing is due. */
  async settle(
    height: number,
    { isDigested = false }: { readonly isDigested?: boolean } = {},
  ): Promise<void> {
    await this.#host.maker()?.settle(height, isDigested);
  }

  async at(height: number): Promise<Tile | null> {
    const source = this.#host.source();
    return this.#host.current(async (now) => {
      if (!Number.isSafeInteger(height)) return null;
      const tile = await source.reading((run) => tileAt(run, source.tables, now, height));
      return tile !== null && isDecided(tile, now) ? toTile(tile) : null;
    });
  }

  async list({ from, to }: BlockRange): Promise<readonly Tile[]> {
    const source = this.#host.source();
    return this.#host.current((now) =>
      source.reading(async (run) => {
        await askSeen(run, source.tables, now);
        const found: Tile[] = [];
        for await (const tiles of tilesIn(run, source.tables, now, { from, to }))
          for (const tile of tiles) if (tile.from >= from && isDecided(tile, now)) found.push(toTile(tile));
        return found;
      }),
    );
  }

  async body({ from, hash }: Tile): Promise<Uint8Array | null> {
    const source = this.#host.source();
    return this.#host.current((now) =>
      whole(source, now, async (run) => {
        const tile = await findTile(run, source, now, from);
        const isSame = tile?.from === from && tile.hash === hash;
        return isSame ? wholeBody(run, source, { store: now.store, tile }) : null;
      }),
    );
  }
}

/** A reader may not show the block yet that decided it. */
function isDecided({ to, decidedAt }: TileRow, { checkpoint: { head } }: Moment): boolean {
  const top = head?.height ?? -1;
  return decidedAt !== null && decidedAt <= top && to <= top;
}

function toTile({ from, to, hash, previousHash, documentBytes, bytes, digest }: TileRow): Tile {
  return { from, to, hash, previousHash, documentBytes, bytes, digest };
}
