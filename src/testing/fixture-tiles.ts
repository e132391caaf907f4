import { gunzipSync, gzipSync } from 'node:zlib';
import type { CommitTile, Frame, TileMember } from '../contracts/index.js';
import { MAX_TILE_BYTES, widthAt } from '../tiles/cut.js';

const LF = Buffer.from('\n');

/** The document in a made-up frame. */
export function documentOf({ codec, bytes }: Frame): Buffer {
  return Buffer.from(codec === 'gzip' ? gunzipSync(bytes) : bytes);
}

/** What a peer's tile of some blocks is. Its bytes differ from what a store would make. */
export function tileOf(blocks: readonly Frame[], digest: string | null = null): CommitTile {
  const [first] = blocks;
  const last = blocks.at(-1);
  if (first === undefined || last === undefined) throw new TypeError('A tile has a block.');
  const members: TileMember[] = [];
  const parts: Uint8Array[] = [];
  for (const group of groupsOf(blocks)) {
    const documents = group.map(documentOf);
    const isLarge = documents[0] !== undefined && documents[0].byteLength >= 65_536;
    const bytes = isLarge
      ? Buffer.concat([gzipSync(documents[0] ?? LF, { level: 9 }), gzipSync(LF)])
      : gzipSync(Buffer.concat(documents.flatMap((document) => [document, LF])), { level: 9 });
    members.push({ blocks: group.length, bytes: bytes.byteLength });
    parts.push(bytes);
  }
  const bytes = Buffer.concat(parts);
  return {
    from: first.header.height,
    to: last.header.height,
    previousHash: first.header.previousHash,
    hash: last.header.hash,
    documentBytes: bytesOf(blocks),
    bytes: bytes.byteLength,
    digest,
    body: { bytes, members },
  };
}

function groupsOf(blocks: readonly Frame[]): readonly (readonly Frame[])[] {
  const groups: Frame[][] = [];
  let room = 0;
  for (const block of blocks) {
    const bytes = block.documentBytes + 1;
    const isNew = bytes > room;
    if (isNew) room = 65_536;
    room -= bytes;
    if (isNew) groups.push([block]);
    else groups.at(-1)?.push(block);
  }
  return groups;
}

/**
 * Tiles of what lies in intervals among some blocks: the largest from the first block on, and so on. Whether a chain is
 * cut so depends on what comes next.
 */
export function tilesWithin(blocks: readonly Frame[]): readonly CommitTile[] {
  const tiles: CommitTile[] = [];
  for (let at = 0; at < blocks.length;) {
    let width = widthAt(blocks[at]?.header.height ?? 0);
    while (
      width > 1 &&
      (at + width > blocks.length || bytesOf(blocks.slice(at, at + width)) > MAX_TILE_BYTES)
    )
      width /= 2;
    tiles.push(tileOf(blocks.slice(at, at + width)));
    at += width;
  }
  return tiles;
}

function bytesOf(blocks: readonly Frame[]): number {
  return blocks.reduce((sum, { documentBytes }) => sum + documentBytes + 1, 0);
}
