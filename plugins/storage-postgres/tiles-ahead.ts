import { Deferred } from '../../src/internal/deferred.js';
import { PART_BYTES } from './pieces.js';
import { pieceKey } from './tile-memory.js';
import type { TileRow } from './tile-rows.js';

/** Bytes of bodies that one statement brings, and that are held until they are asked for. */
const STATEMENT_BYTES = 2 * PART_BYTES;
const HELD_BYTES = 2 * STATEMENT_BYTES;
/** What nobody has asked for so long makes room. */
const STALE_MS = 5000;
/** Ends of tiles that were read last. */
const ENDS = 64;

type Body = Uint8Array | null;

/** Where bodies come from. */
export interface BodySource {
  /** The tile behind another; `null` when none is known. */
  behind(tile: TileRow): TileRow | null;
  /** Brings bodies of tiles with one statement, as they come; more than one only of tiles that are small. */
  bring(tiles: readonly TileRow[], onBody: (tile: TileRow, body: Uint8Array) => void): Promise<void>;
}

/** What one statement brings for later. */
interface Brought {
  /** By the key of the tile. */
  readonly bodies: Map<string, { readonly body: Promise<Body>; readonly bytes: number }>;
  usedAtMs: number;
}

/**
 * Bodies of small tiles, which a reader that goes through them in order asks for next: a statement takes longer than the bytes
 * of one. While a statement's bodies are read, the next one runs. What others have been brought is not thrown away for it:
 * without room, tiles come one by one.
 */
export class TilesAhead {
  readonly #brought = new Set<Brought>();
  /** Where a reader that has read a tile asks next. */
  #ends: readonly number[] = [];

  /** The body of a tile; `null` when it is gone. @throws what bringing it does */
  async read(tile: TileRow, source: BodySource): Promise<Body> {
    const held = this.#take(tile);
    // Who asks for the first one, of a chain that begins at 0 or 1, goes on, too.
    const isNext = held !== null || tile.from <= 1 || this.#ends.includes(tile.from);
    this.#ends = [tile.to + 1, ...this.#ends.slice(0, ENDS - 1)];
    const body = held ?? this.#ask(tile, isNext ? this.#behind(tile, source, tile.bytes) : [], source);
    if (isNext) this.#goOn(tile, source);
    return body;
  }

  /** Gives out what is held, or comes. */
  #take(tile: TileRow): Promise<Body> | null {
    const key = pieceKey(tile, 'body');
    for (const brought of this.#brought) {
      const held = brought.bodies.get(key);
      if (held === undefined) continue;
      brought.usedAtMs = performance.now();
      brought.bodies.delete(key);
      if (brought.bodies.size === 0) this.#brought.delete(brought);
      return held.body;
    }
    return null;
  }

  #ask(tile: TileRow, behind: readonly TileRow[], source: BodySource): Promise<Body> {
    const asked = new Deferred<Body>();
    this.#begin([[tile, asked], ...this.#hold(behind)], source);
    return asked.promise;
  }

  /** Begins the next statement when less is held in front of a reader than one brings. */
  #goOn(tile: TileRow, source: BodySource): void {
    let bytes = 0;
    let last = tile;
    for (let next = source.behind(last); next !== null && this.#isHeld(next); next = source.behind(last)) {
      bytes += next.bytes;
      last = next;
    }
    if (last === tile || bytes > STATEMENT_BYTES) return;
    const behind = this.#behind(last, source, 0);
    if (behind.length > 0) this.#begin(this.#hold(behind), source);
  }

  /** The tiles behind one that a statement still has room for. */
  #behind(tile: TileRow, source: BodySource, taken: number): readonly TileRow[] {
    const room = Math.min(STATEMENT_BYTES - taken, HELD_BYTES - this.#heldBytes());
    const found: TileRow[] = [];
    let bytes = 0;
    for (let next = source.behind(tile); next !== null && !this.#isHeld(next); next = source.behind(next)) {
      if ((bytes += next.bytes) > room) break;
      found.push(next);
    }
    return found;
  }

  #hold(tiles: readonly TileRow[]): readonly (readonly [TileRow, Deferred<Body>])[] {
    const waiting = tiles.map((tile) => [tile, new Deferred<Body>()] as const);
    const bodies = new Map(
      waiting.map(([tile, { promise }]) => [pieceKey(tile, 'body'), { body: promise, bytes: tile.bytes }]),
    );
    if (bodies.size > 0) this.#brought.add({ bodies, usedAtMs: performance.now() });
    return waiting;
  }

  /** Who waits for the first tile is told why it does not come; others find out themselves. */
  #begin(waiting: readonly (readonly [TileRow, Deferred<Body>])[], source: BodySource): void {
    const byTile = new Map(waiting);
    const tiles = [...byTile.keys()];
    void source
      .bring(tiles, (tile, body) => {
        byTile.get(tile)?.resolve(body);
      })
      .catch((error: unknown) => {
        waiting[0]?.[1].reject(error);
      })
      .finally(() => {
        for (const [, deferred] of waiting) deferred.resolve(null);
      });
  }

  #isHeld(tile: TileRow): boolean {
    const key = pieceKey(tile, 'body');
    for (const { bodies } of this.#brought) if (bodies.has(key)) return true;
    return false;
  }

  #heldBytes(): number {
    const stale = performance.now() - STALE_MS;
    let sum = 0;
    for (const brought of this.#brought)
      if (brought.usedAtMs < stale) this.#brought.delete(brought);
      else for (const { bytes } of brought.bodies.values()) sum += bytes;
    return sum;
  }
}
