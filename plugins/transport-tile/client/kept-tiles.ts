import type { Peer, TileEntry, VerifiedTile } from '../../../src/contracts/index.js';
import { heldBytesOf, isSameTile } from './tile-file.js';

/** A verified tile, and who sent it. */
export interface BroughtTile {
  readonly tile: VerifiedTile;
  readonly peer: Peer;
  /** Length of the body as it came. */
  readonly receivedBytes: number;
}

/** After this time nobody is likely to go on where a download ended, in milliseconds. */
const KEEP_MS = 120_000;

/** Tiles that a download had verified and nobody took: the next one does not fetch them again. */
export class KeptTiles {
  #tiles: readonly BroughtTile[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Keeps what a download leaves, in place of what an earlier one has left. */
  put(tiles: readonly BroughtTile[]): void {
    clearTimeout(this.#timer);
    this.#tiles = tiles;
    if (tiles.length === 0) return;
    this.#timer = setTimeout(() => {
      this.#tiles = [];
    }, KEEP_MS).unref();
  }

  /** Hands over what is kept from a height on. */
  take(from: number): KeptRest {
    const tiles = this.#tiles.filter(({ tile }) => tile.to >= from);
    this.put([]);
    return new KeptRest(tiles);
  }
}

/** What a download has from the one before. */
export class KeptRest {
  readonly #byHeight: Map<number, BroughtTile>;
  #bytes: number;

  constructor(tiles: readonly BroughtTile[]) {
    this.#byHeight = new Map(tiles.map((each) => [each.tile.from, each]));
    this.#bytes = tiles.reduce((sum, { tile }) => sum + heldBytesOf(tile), 0);
  }

  /** Memory that they take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What is not used yet. */
  get all(): readonly BroughtTile[] {
    return [...this.#byHeight.values()];
  }

  /** The tile that an index names; `null` when it is not there. One of another chain is dropped. */
  take(entry: TileEntry): BroughtTile | null {
    const found = this.#byHeight.get(entry.from);
    if (found === undefined) return null;
    this.#byHeight.delete(entry.from);
    this.#bytes -= heldBytesOf(found.tile);
    return isSameTile(found.tile, entry) ? found : null;
  }
}
