import { Deferred } from '../../src/internal/deferred.js';
import { pieceKey, type TileMemory } from './tile-memory.js';
import { PART_BYTES } from './pieces.js';
import type { TileRow } from './tile-rows.js';

/** Bytes of bodies that one statement brings, and statements whose bodies are kept until they are asked for. */
const STATEMENT_BYTES = PART_BYTES;
const KEPT_STATEMENTS = 4;
/** Ends of tiles that were read last. */
const ENDS = 64;

/** What one statement brings beside the tile that was asked for. */
interface Brought {
  /** By the key of the tile; resolves to `null` where it brought none. */
  readonly bodies: Map<string, Promise<Uint8Array | null>>;
}

/** A statement that brings bodies. */
export interface Bringing {
  /** The tile that is asked for, and those behind it. */
  readonly tiles: readonly TileRow[];
  /** Hands over what came, in the order of the tiles; `null` where the statement failed. */
  settle(bodies: readonly (Uint8Array | null)[] | null): void;
}

/**
 * Bodies of small tiles, which a reader that goes through them in order asks for next: a statement takes longer than the bytes
 * of one. Holds 4 MiB at most.
 */
export class TilesAhead {
  readonly #brought = new Set<Brought>();
  /** Where a reader that has read a tile asks next. */
  #ends: readonly number[] = [];

  /** The body that a statement for a tile before it has brought, or brings; `null` when there is none. */
  async take(tile: TileRow): Promise<Uint8Array | null> {
    const key = pieceKey(tile, 'body');
    for (const brought of this.#brought) {
      const body = brought.bodies.get(key);
      if (body === undefined) continue;
      brought.bodies.delete(key);
      if (brought.bodies.size === 0) this.#brought.delete(brought);
      this.#note(tile);
      return body;
    }
    return null;
  }

  /** Begins to bring a tile, with those behind it where the one before it was read a while ago. */
  begin(tile: TileRow, memory: TileMemory): Bringing {
    const isNext = this.#ends.includes(tile.from);
    this.#note(tile);
    const behind = isNext ? this.#behind(tile, memory) : [];
    const waiting = behind.map(() => new Deferred<Uint8Array | null>());
    if (behind.length > 0) {
      const keyed = behind.map((each, at) => [pieceKey(each, 'body'), waiting[at]?.promise] as const);
      this.#keep(new Map(keyed.flatMap(([key, body]) => (body === undefined ? [] : [[key, body] as const]))));
    }
    return {
      tiles: [tile, ...behind],
      settle: (bodies) => {
        for (const [at, deferred] of waiting.entries()) deferred.resolve(bodies?.[at + 1] ?? null);
      },
    };
  }

  #behind(tile: TileRow, memory: TileMemory): readonly TileRow[] {
    const found: TileRow[] = [];
    let bytes = tile.bytes;
    for (let last = tile; ;) {
      const next = memory.behind(last);
      if (next === null || (bytes += next.bytes) > STATEMENT_BYTES) return found;
      if (!this.#isComing(next)) found.push(next);
      last = next;
    }
  }

  #isComing(tile: TileRow): boolean {
    const key = pieceKey(tile, 'body');
    return [...this.#brought].some(({ bodies }) => bodies.has(key));
  }

  #keep(bodies: Brought['bodies']): void {
    this.#brought.add({ bodies });
    const [oldest] = this.#brought;
    if (this.#brought.size > KEPT_STATEMENTS && oldest !== undefined) this.#brought.delete(oldest);
  }

  #note({ to }: TileRow): void {
    this.#ends = [to + 1, ...this.#ends.slice(0, ENDS - 1)];
  }
}
