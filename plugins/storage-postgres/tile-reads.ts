import { crc32 } from 'node:zlib';
import type { BlockRange, Frame } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { decodeTileBytes, isLarge, largeFrameOf } from '../../src/tiles/body.js';
import { type BlockHead, decodeHeads } from '../../src/tiles/heads.js';
import { damaged, PAGE_BYTES } from './block-rows.js';
import type { Run } from './database.js';
import type { Tables } from './schema.js';
import type { Moment } from './store-row.js';
import { pieceKey, type TileMemory } from './tile-memory.js';
import { bodyBytes, headsOf, type RowMember, smallBodies, tileAt, type TileRow } from './tile-rows.js';

/** About what the head of a block takes in memory. */
const HEAD_MEMORY_BYTES = 200;

/** What tiles are read from. */
export interface TileSource {
  readonly tables: Tables;
  readonly memory: TileMemory;
}

/** A member, where it is in the body, and the heads of its blocks. */
interface MemberAt {
  readonly member: RowMember;
  readonly index: number;
  readonly offset: number;
  readonly heads: readonly BlockHead[];
}

/** The tile that has a height at a moment; `null` when none has. */
export async function findTile(
  run: Run,
  { tables, memory }: TileSource,
  at: Moment,
  height: number,
): Promise<TileRow | null> {
  const known = memory.recall(at, height);
  if (known !== null) return known;
  const tile = await tileAt(run, tables, at, height);
  if (tile !== null) memory.note(at, tile);
  return tile;
}

/** The heads of all blocks of a tile. @throws SyncError `STORE_DAMAGED` */
export function headsInTile(
  run: Run,
  { tables, memory }: TileSource,
  store: number,
  tile: TileRow,
): Promise<readonly BlockHead[]> {
  return memory.pieces.of(pieceKey(tile, 'heads'), async () => {
    const bytes = await headsOf(run, tables, store, tile);
    if (bytes === null) throw damaged(tile.from, 'altered');
    const value = decodeHeads(bytes, tile.from);
    return { value, bytes: value.length * HEAD_MEMORY_BYTES };
  });
}

/** The first frames of a range whose first block is in a tile: about 1 MiB of them. @throws SyncError `STORE_DAMAGED` */
export async function framesInTile(
  run: Run,
  source: TileSource,
  { store, tile }: { readonly store: number; readonly tile: TileRow },
  range: BlockRange,
): Promise<readonly Frame[]> {
  const heads = await headsInTile(run, source, store, tile);
  const members = pageOf(membersOf(tile, heads), range);
  const [first, last] = [members[0], members.at(-1)];
  if (first === undefined || last === undefined) return [];
  const { offset } = first;
  const length = last.offset + last.member.bytes - offset;
  let reading: Promise<Buffer> | null = null;
  const read = async ({ offset: start, member }: MemberAt): Promise<Buffer> => {
    reading ??= bodyBytes(run, source.tables, store, tile, { offset, length });
    const bytes = (await reading).subarray(start - offset, start - offset + member.bytes);
    checkMember(tile, member, bytes);
    return bytes;
  };
  const frames: Frame[] = [];
  for (const at of members) frames.push(...(await framesOf(source, tile, at, read)));
  return frames.filter(({ header: { height } }) => height >= range.from && height <= range.to);
}

/** A tile's body as it is sent; `null` when its rows are gone. @throws SyncError `STORE_DAMAGED` */
export async function wholeBody(
  run: Run,
  { tables }: TileSource,
  { store, tile }: { readonly store: number; readonly tile: TileRow },
): Promise<Uint8Array> {
  const body = await bodyBytes(run, tables, store, tile, { offset: 0, length: tile.bytes });
  let at = 0;
  for (const member of tile.members) checkMember(tile, member, body.subarray(at, (at += member.bytes)));
  return body;
}

/** Gives the bodies of tiles as they come, unchecked; of more than one only where each is small. */
export async function bringBodies(
  run: Run,
  { tables }: TileSource,
  { store, tiles }: { readonly store: number; readonly tiles: readonly TileRow[] },
  onBody: (tile: TileRow, body: Uint8Array) => void,
): Promise<void> {
  const [tile] = tiles;
  if (tile === undefined) return;
  if (tiles.length > 1) await smallBodies(run, tables, { store, tiles }, onBody);
  else onBody(tile, await bodyBytes(run, tables, store, tile, { offset: 0, length: tile.bytes }));
}

/** Whether bytes are the body of a tile. */
export function isBodyOf({ members, bytes }: TileRow, body: Uint8Array): boolean {
  let at = 0;
  return (
    body.byteLength === bytes &&
    members.every((member) => crc32(body.subarray(at, (at += member.bytes))) === member.crc)
  );
}

function membersOf({ members }: TileRow, heads: readonly BlockHead[]): readonly MemberAt[] {
  let offset = 0;
  let block = 0;
  return members.map((member, index) => {
    const at = { member, index, offset, heads: heads.slice(block, block + member.blocks) };
    offset += member.bytes;
    block += member.blocks;
    return at;
  });
}

/** The members that have the first blocks of a range, as many as fit in a page. */
function pageOf(members: readonly MemberAt[], { from, to }: BlockRange): readonly MemberAt[] {
  const inside = members.filter(({ heads }) =>
    heads.some(({ header: { height } }) => height >= from && height <= to),
  );
  let bytes = 0;
  const end = inside.findIndex((at, index) => {
    bytes += heldBytes(at);
    return index > 0 && bytes > PAGE_BYTES;
  });
  return end < 0 ? inside : inside.slice(0, end);
}

/** What the frames of a member take: a large block stays as it is, small ones are decoded. */
function heldBytes({ member, heads }: MemberAt): number {
  const documentBytes = heads.reduce((sum, head) => sum + head.documentBytes, 0);
  return heads.some((head) => isLarge(head.documentBytes)) ? member.bytes : documentBytes;
}

async function framesOf(
  { memory }: TileSource,
  tile: TileRow,
  at: MemberAt,
  read: (at: MemberAt) => Promise<Buffer>,
): Promise<readonly Frame[]> {
  const [head] = at.heads;
  if (head !== undefined && isLarge(head.documentBytes)) {
    const { header, documentBytes } = head;
    return [{ header, codec: 'gzip', documentBytes, bytes: largeFrameOf(await read(at)) }];
  }
  const documents = await memory.pieces.of(pieceKey(tile, `${at.index}`), async () => {
    const value = await decode(at, await read(at));
    return { value, bytes: value.byteLength };
  });
  return smallFrames(at.heads, documents);
}

function smallFrames(heads: readonly BlockHead[], documents: Uint8Array): readonly Frame[] {
  let at = 0;
  return heads.map(({ header, documentBytes }) => {
    const bytes = documents.subarray(at, at + documentBytes);
    at += documentBytes + 1;
    return { header, codec: 'identity', documentBytes, bytes };
  });
}

async function decode({ heads }: MemberAt, bytes: Uint8Array): Promise<Uint8Array> {
  const documentBytes = heads.reduce((sum, head) => sum + head.documentBytes + 1, 0);
  try {
    return await decodeTileBytes(bytes, documentBytes);
  } catch (error) {
    if (!isSyncError(error)) throw error;
    throw damaged(heads[0]?.header.height ?? 0, 'altered');
  }
}

function checkMember(tile: TileRow, { bytes, crc }: RowMember, found: Uint8Array): void {
  if (found.byteLength === bytes && crc32(found) === crc) return;
  throw damaged(tile.from, 'altered');
}
