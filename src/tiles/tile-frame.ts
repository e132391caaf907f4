import type { BlockHeader, Frame } from '../contracts/index.js';
import type { TileDocuments } from './documents.js';

/**
 * A block of a tile. Its document is decoded where it is asked for: a store that takes the tile whole never does. Until then
 * it is the tile's body that is held.
 */
export class TileFrame implements Frame {
  readonly header: BlockHeader;
  readonly codec = 'identity';
  readonly documentBytes: number;
  readonly #documents: TileDocuments;
  readonly #index: number;

  constructor(header: BlockHeader, documentBytes: number, documents: TileDocuments, index: number) {
    this.header = header;
    this.documentBytes = documentBytes;
    this.#documents = documents;
    this.#index = index;
  }

  get bytes(): Uint8Array {
    return this.#documents.at(this.#index);
  }
}
