import type { Peer, TileEntry, VerifiedTile } from '../../../src/contracts/index.js';
import { letGo } from '../../../src/internal/let-go.js';
import type { PartialBody } from './partial-body.js';
import { heldBytesOf, isSameTile } from './tile-file.js';

/** A verified tile, and who sent it. */
export interface BroughtTile {
  readonly tile: VerifiedTile;
  readonly peer: Peer;
  /** Length of the body as it came. */
  readonly receivedBytes: number;
}

/** What a download has of a tile that nobody took: all of it, or the beginning of its body. */
export type Kept = BroughtTile | PartialBody;

/** What is kept, and the line that it was fetched by. */
export interface KeptTile {
  readonly entry: TileEntry;
  readonly kept: Kept;
}

/** After this time nobody is likely to go on where a download ended, in milliseconds. */
const KEEP_MS = 120_000;

/** What a download had fetched and nobody took: the next one does not fetch it again. */
export class KeptTiles {
  #tiles: readonly KeptTile[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Keeps what a download leaves, in place of what an earlier one has left. */
  put(tiles: readonly KeptTile[]): void {
    clearTimeout(this.#timer);
    this.#tiles = tiles;
    if (tiles.length === 0) return;
    this.#timer = setTimeout(() => {
      this.#tiles = [];
    }, KEEP_MS);
    letGo(this.#timer);
  }

  /** Hands over what is kept from a height on. */
  take(from: number): KeptRest {
    const tiles = this.#tiles.filter(({ entry }) => entry.to >= from);
    this.put([]);
    return new KeptRest(tiles);
  }
}

/** What a download has from the one before. */
export class KeptRest {
  readonly #byHeight: Map<number, KeptTile>;
  #bytes: number;

  constructor(tiles: readonly KeptTile[]) {
    this.#byHeight = new Map(tiles.map((each) => [each.entry.from, each]));
    this.#bytes = tiles.reduce((sum, { kept }) => sum + bytesOf(kept), 0);
  }

  /** Memory that it takes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What is not used yet. */
  get all(): readonly KeptTile[] {
    return [...this.#byHeight.values()];
  }

  /** What there is of the tile that an index names; `null` when it is nothing. */
  at(entry: TileEntry): Kept | null {
    const found = this.#byHeight.get(entry.from);
    return found !== undefined && isSameTile(found.entry, entry) ? found.kept : null;
  }

  /** It is used, or is of another chain than the index. @returns the memory that it took */
  drop({ from }: TileEntry): number {
    const found = this.#byHeight.get(from);
    if (found === undefined) return 0;
    this.#byHeight.delete(from);
    const bytes = bytesOf(found.kept);
    this.#bytes -= bytes;
    return bytes;
  }
}

function bytesOf(kept: Kept): number {
  return 'tile' in kept ? heldBytesOf(kept.tile) : kept.bytes.byteLength;
}
