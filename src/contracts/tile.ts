import type { BlockHeader, BlockRange } from './block.js';
import type { ValidatorStep } from './chain-rules.js';
import type { AbortOptions } from './lifecycle.js';

/** A run of settled blocks as one compressed body, as an index names it: a claim, until the tile is verified. */
export interface TileEntry extends BlockRange {
  /** Hash of the last block. */
  readonly hash: string;
  /** Length of the documents, each with its line feed. */
  readonly documentBytes: number;
  /** Length of the body in gzip, as this peer has it. */
  readonly bytes: number;
  /** Length of the bodies that this peer has in other codecs as well, by codec; absent where it has none. */
  readonly otherBytes?: Readonly<Record<string, number>>;
  /**
   * SHA-256 of the documents, each with its line feed, in lower-case hex: where the hashes of a chain don't cover all bytes
   * of its documents ({@link ChainRules.covers}). `null` where they do.
   */
  readonly digest: string | null;
}

/** A tile of a store. */
export interface Tile extends TileEntry {
  /** Hash of the block below the first. */
  readonly previousHash: string;
}

/**
 * A piece of a tile's body that decodes by itself to whole blocks: a gzip member, or the two members of a large document
 * and its line feed.
 */
export interface TileMember {
  readonly blocks: number;
  /** Length of the piece in the body. */
  readonly bytes: number;
}

/** The body of a tile in the one layout that stores keep: see `src/tiles/body.ts`. */
export interface TileBody {
  readonly bytes: Uint8Array;
  /** Behind each other they are the body. */
  readonly members: readonly TileMember[];
}

/**
 * What the blocks in a tile say of those who make them: the first one, and each that says something else than the one below
 * left, in order. What the first one follows was not checked.
 */
export type TileValidators = readonly ValidatorStep[];

/**
 * A tile whose blocks were all checked, by themselves and with each other. What its first block follows was not. Its
 * documents are in its body alone: most readers never want them.
 */
export interface VerifiedTile extends Tile {
  /** Of its blocks, in order. */
  readonly headers: readonly BlockHeader[];
  /** Length of each document, without its line feed. */
  readonly documentLengths: readonly number[];
  readonly body: TileBody;
  /** Absent or `null` where the rules read none. */
  readonly validators?: TileValidators | null;
}

/** Options of {@link VerifyTile}. */
export interface VerifyTileOptions extends AbortOptions {
  /**
   * What the body is in.
   *
   * @defaultValue `'gzip'`
   */
  readonly codec?: string;
}

/**
 * Decodes a tile's body within the bounds that its entry states, and checks each block in it by the chain's rules, the links
 * between them, their heights, the last hash and the digest. What is verified is in the layout of stores, whatever it came in.
 *
 * @throws SyncError with the height where it has one: `CODEC_CORRUPT`, `CODEC_OUTPUT_TOO_LARGE`; of a false block
 *   `BLOCK_MALFORMED`, `HASH_MISMATCH`, `HEIGHT_MISMATCH`, `HEIGHT_GAP`, `PARENT_MISMATCH`, `GENESIS_MISMATCH`,
 *   `BLOCK_TOO_LARGE`, `SIGNATURE_INVALID`, `VALIDATORS_CHANGED`; `TILE_MISMATCH` where all blocks are sound and the entry names others; `CODEC_UNAVAILABLE` for a
 *   codec that is not here; `ABORTED`
 */
export type VerifyTile = (
  entry: TileEntry,
  body: Uint8Array,
  options: VerifyTileOptions,
) => Promise<VerifiedTile>;
