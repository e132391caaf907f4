import type { Tile } from '../../src/contracts/index.js';
import type { TileCut } from '../../src/tiles/cut.js';
import type { Place } from './segment-files.js';

/** A member of a tile, with the CRC-32 of its bytes: the frame of a large block is read without decoding it. */
export interface StoredMember {
  readonly blocks: number;
  readonly bytes: number;
  readonly crc: number;
}

/** Members whose blocks' heads lie together, so that one block is found without reading all. */
export interface TileGroup {
  /** Length of the heads as they are stored. */
  readonly headBytes: number;
  /** CRC-32 of the same. */
  readonly headCrc: number;
  readonly members: readonly StoredMember[];
}

/** What the store's record says of a tile. In its segment are the heads of its groups, then its body. */
export interface TileRecord extends TileCut {
  /**
   * Height of the block that decided it; `null` while the cut is open, or what decided it is not settled: then these are
   * blocks like others, only kept in this form, and may become a part of a larger tile.
   */
  readonly decidedAt: number | null;
  /** As {@link Tile.digest}. */
  readonly digest: string | null;
  /** Hash of the block below the first. */
  readonly previousHash: string;
  /** Hash of the last block. */
  readonly hash: string;
  /** Of heads and body. */
  readonly place: Place;
  readonly groups: readonly TileGroup[];
}

type MemberTuple = readonly [blocks: number, bytes: number, crc: number];
type GroupTuple = readonly [headBytes: number, headCrc: number, ...members: readonly MemberTuple[]];

/** A tile's record as it is stored; the first height is in the key. */
export interface StoredTile {
  readonly to: number;
  readonly documentBytes: number;
  readonly decidedAt: number | null;
  readonly digest: string | null;
  readonly previousHash: string;
  readonly hash: string;
  readonly place: readonly [segment: number, offset: number, bytes: number];
  readonly groups: readonly GroupTuple[];
}

/** Makes what is stored of a tile. */
export function toStoredTile({
  to,
  documentBytes,
  decidedAt,
  digest,
  previousHash,
  hash,
  place: { segment, offset, bytes },
  groups,
}: TileRecord): StoredTile {
  const tuples = groups.map(({ headBytes, headCrc, members }): GroupTuple => {
    return [
      headBytes,
      headCrc,
      ...members.map(({ blocks, bytes: size, crc }) => [blocks, size, crc] as const),
    ];
  });
  return {
    to,
    documentBytes,
    decidedAt,
    digest,
    previousHash,
    hash,
    place: [segment, offset, bytes],
    groups: tuples,
  };
}

/** Reads what is stored of a tile. */
export function fromStoredTile(stored: StoredTile, from: number): TileRecord {
  const [segment, offset, bytes] = stored.place;
  const groups = stored.groups.map(([headBytes, headCrc, ...members]): TileGroup => {
    return {
      headBytes,
      headCrc,
      members: members.map(([blocks, size, crc]) => ({ blocks, bytes: size, crc })),
    };
  });
  return { ...stored, from, place: { segment, offset, bytes }, groups };
}

/** What others get to know of a tile. */
export function toTile(tile: TileRecord): Tile {
  const { from, to, previousHash, hash, documentBytes, digest, place } = tile;
  return { from, to, previousHash, hash, documentBytes, bytes: place.bytes - headsBytesOf(tile), digest };
}

/** Length of the heads in front of the body. */
export function headsBytesOf({ groups }: Pick<TileRecord, 'groups'>): number {
  return groups.reduce((sum, { headBytes }) => sum + headBytes, 0);
}
