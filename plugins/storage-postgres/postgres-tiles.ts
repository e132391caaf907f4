import type { BlockRange, StorageTiles, Tile } from '../../src/contracts/index.js';
import { freeMemory } from '../../src/internal/free-memory.js';
import { type Source, whole } from './reads.js';
import { askSeen } from './seen.js';
import type { Moment } from './store-row.js';
import type { TileMaker } from './tile-maker.js';
import { bringBodies, findTile, isBodyOf, wholeBody } from './tile-reads.js';
import { tileAt, tilesIn, type TileRow } from './tile-rows.js';
import { TilesAhead } from './tiles-ahead.js';

/** Tiles of a list whose bodies may be asked for next. */
const NOTED_TILES = 256;

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
  readonly #ahead = new TilesAhead();

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
      const tile = await source.reading((run) => findTile(run, source, now, height));
      return tile !== null && isDecided(tile, now) ? toTile(tile) : null;
    });
  }

  async list({ from, to }: BlockRange): Promise<readonly Tile[]> {
    const source = this.#host.source();
    return this.#host.current((now) =>
      source.reading(async (run) => {
        await askSeen(run, source.tables, now);
        const found: TileRow[] = [];
        for await (const tiles of tilesIn(run, source.tables, now, { from, to }))
          found.push(...tiles.filter((tile) => tile.from >= from && isDecided(tile, now)));
        source.memory.note(now, ...found.slice(0, NOTED_TILES));
        return found.map(toTile);
      }),
    );
  }

  async body(tile: Tile): Promise<Uint8Array | null> {
    const source = this.#host.source();
    // What is in a body never changes; of one that is gone, or was altered, more has to be known.
    const known = source.memory.find(tile);
    if (known !== null) {
      const { store } = await this.#host.current((now) => Promise.resolve(now));
      const body = await this.#ahead.read(known, {
        behind: (each) => source.memory.behind(each),
        bring: (tiles, onBody) => source.reading((run) => bringBodies(run, source, { store, tiles }, onBody)),
      });
      if (body !== null && isBodyOf(known, body)) return body;
    }
    return this.#host.current((now) =>
      whole(source, now, async (run) => {
        const found = await tileAt(run, source.tables, now, tile.from);
        const isSame = found?.from === tile.from && found.hash === tile.hash;
        return isSame ? wholeBody(run, source, { store: now.store, tile: found }) : null;
      }),
    );
  }

  free(body: Uint8Array): void {
    freeMemory(body);
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
