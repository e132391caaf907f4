import { gunzipNow } from '#platform/gzip';
import type { VerifiedTile } from '../contracts/index.js';
import { isLarge, largeFrameOf, MAX_MEMBER_BYTES } from './body.js';

/** A piece of a tile's body. */
interface Place {
  /** Which block of the tile is the first in it. */
  readonly first: number;
  readonly bytes: Uint8Array;
}

/**
 * The documents of a verified tile, decoded piece by piece where they are asked for. Blocks are mostly read in order: so it
 * keeps one piece decoded.
 */
export class TileDocuments {
  readonly #tile: Pick<VerifiedTile, 'body' | 'documentLengths'>;
  #last: { readonly place: Place; readonly documents: Uint8Array } | null = null;

  constructor(tile: Pick<VerifiedTile, 'body' | 'documentLengths'>) {
    this.#tile = tile;
  }

  /** A document, without its line feed. @param index - of its block in the tile; a `RangeError` where it has none. */
  at(index: number): Uint8Array {
    const { documentLengths } = this.#tile;
    const length = documentLengths[index];
    if (length === undefined)
      throw new RangeError(`A tile of ${documentLengths.length} blocks has no block ${index}.`);
    const place = this.#placeOf(index);
    if (this.#last?.place.first !== place.first)
      this.#last = { place, documents: decode(place.bytes, length) };
    let start = 0;
    for (const before of documentLengths.slice(place.first, index)) start += before + 1;
    return this.#last.documents.subarray(start, start + length);
  }

  #placeOf(index: number): Place {
    const { bytes, members } = this.#tile.body;
    let first = 0;
    let start = 0;
    for (const member of members) {
      if (index < first + member.blocks) return { first, bytes: bytes.subarray(start, start + member.bytes) };
      first += member.blocks;
      start += member.bytes;
    }
    throw new RangeError(`The members of a tile have no block ${index}.`);
  }
}

/** @param length - of a document in the piece: a large one is alone in it. */
function decode(piece: Uint8Array, length: number): Uint8Array {
  return isLarge(length) ? gunzipNow(largeFrameOf(piece), length) : gunzipNow(piece, MAX_MEMBER_BYTES);
}
