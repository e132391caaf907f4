import { crc32 } from 'node:zlib';
import type { TileMember } from '../../src/contracts/index.js';
import { type BlockHead, encodeHeads } from '../../src/tiles/heads.js';
import type { StoredMember, TileGroup } from './tile-record.js';

/** Blocks whose heads lie together: fewer make the record larger, more make one block slower to find. */
const GROUP_BLOCKS = 64;

/** A tile that is not written yet. */
export interface LaidTile {
  readonly groups: readonly TileGroup[];
  /** Heads and body, as they lie behind each other. */
  readonly parts: readonly Uint8Array[];
  /** Of them. */
  readonly bytes: number;
}

/** Puts the heads of a tile's blocks before its body. @param parts - of the body, as many as members */
export function layTile(
  members: readonly TileMember[],
  parts: readonly Uint8Array[],
  heads: readonly BlockHead[],
): LaidTile {
  const stored = members.map((member, at): StoredMember => ({ ...member, crc: crc32(parts[at] ?? '') }));
  const groups: TileGroup[] = [];
  const headParts: Uint8Array[] = [];
  let from = 0;
  for (const group of groupsOf(stored)) {
    const blocks = blocksOf(group);
    const bytes = encodeHeads(heads.slice(from, from + blocks));
    groups.push({ headBytes: bytes.byteLength, headCrc: crc32(bytes), members: group });
    headParts.push(bytes);
    from += blocks;
  }
  const all = [...headParts, ...parts];
  return { groups, parts: all, bytes: all.reduce((sum, { byteLength }) => sum + byteLength, 0) };
}

function* groupsOf(members: readonly StoredMember[]): Generator<readonly StoredMember[]> {
  let group: StoredMember[] = [];
  for (const member of members) {
    group.push(member);
    if (blocksOf(group) < GROUP_BLOCKS) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/** How many blocks some members have. */
export function blocksOf(members: readonly StoredMember[]): number {
  return members.reduce((sum, { blocks }) => sum + blocks, 0);
}
