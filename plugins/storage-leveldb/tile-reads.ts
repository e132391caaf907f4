import { crc32 } from 'node:zlib';
import type { AbortOptions, BlockRange, Frame } from '../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../src/errors/index.js';
import { throwIfAborted } from '../../src/internal/abort.js';
import { decodeTileBytes, isLarge, largeFrameOf } from '../../src/tiles/body.js';
import { segmentName } from './segment-files.js';
import type { SegmentReader } from './segment-reader.js';
import type { TileCache } from '../../src/tiles/tile-cache.js';
import { blocksOf } from './tile-encode.js';
import { type BlockHead, decodeHeads } from '../../src/tiles/heads.js';
import { headsBytesOf, type StoredMember, type TileGroup, type TileRecord } from './tile-record.js';

/** What is read at once, or one member, in bytes as it is held: a client that takes nothing holds all of it. */
const READ_BYTES = 256 * 1024;

/** About what the head of a block takes in memory. */
const HEAD_MEMORY_BYTES = 200;

/** A group, and where it is. */
interface GroupAt {
  readonly group: TileGroup;
  /** Height of its first block. */
  readonly first: number;
  /** Offset of its heads in the segment. */
  readonly headsAt: number;
  /** Offset of its first member in the segment. */
  readonly membersAt: number;
}

/** A member, where it is, and the heads of its blocks. */
interface MemberAt {
  readonly member: StoredMember;
  readonly offset: number;
  readonly heads: readonly BlockHead[];
}

/** What tiles are read from. */
interface TileContents {
  readonly tiles: Pick<SegmentReader, 'read'>;
  readonly tileCache: TileCache;
}

/** The head of a block in a tile. @throws SyncError `STORE_DAMAGED` */
export async function headInTile(
  contents: TileContents,
  tile: TileRecord,
  height: number,
): Promise<BlockHead | null> {
  for (const at of groupsOf(tile)) {
    const heads = height < at.first + blocksOf(at.group.members) ? await headsOf(contents, tile, at) : null;
    if (heads !== null) return heads[height - at.first] ?? null;
  }
  return null;
}

/** The heads of all blocks of a tile. @throws SyncError `STORE_DAMAGED` */
export async function headsInTile(contents: TileContents, tile: TileRecord): Promise<readonly BlockHead[]> {
  const heads: BlockHead[] = [];
  for (const at of groupsOf(tile)) heads.push(...(await headsOf(contents, tile, at)));
  return heads;
}

/** The frame of a block in a tile. @throws SyncError `STORE_DAMAGED` */
export async function frameInTile(
  contents: TileContents,
  tile: TileRecord,
  height: number,
): Promise<Frame | null> {
  for (const at of groupsOf(tile)) {
    if (height >= at.first + blocksOf(at.group.members)) continue;
    let first = at.first;
    let offset = at.membersAt;
    for (const member of at.group.members) {
      if (height < first + member.blocks)
        return frameOf(contents, tile, at, { member, offset, first }, height);
      first += member.blocks;
      offset += member.bytes;
    }
  }
  return null;
}

async function frameOf(
  contents: TileContents,
  tile: TileRecord,
  group: GroupAt,
  { member, offset, first }: { member: StoredMember; offset: number; first: number },
  height: number,
): Promise<Frame | null> {
  // Both are read at one time; what the heads say is only needed to decode.
  const isKnown = contents.tileCache.has(keyOf(tile, offset));
  const reading = isKnown ? null : readAt(contents, tile, offset, member.bytes);
  reading?.catch(() => undefined);
  const all = await headsOf(contents, tile, group);
  const heads = all.slice(first - group.first, first - group.first + member.blocks);
  const frames = await framesOfMember(contents, tile, { member, offset, heads }, async () =>
    reading === null ? readAt(contents, tile, offset, member.bytes) : reading,
  );
  return frames[height - first] ?? null;
}

/** The frames of some heights of a tile in batches: what lies side by side is read at once. @throws SyncError `STORE_DAMAGED` */
export async function* framesInTile(
  contents: TileContents,
  tile: TileRecord,
  range: BlockRange,
  options: AbortOptions,
): AsyncGenerator<readonly Frame[]> {
  for (const at of groupsOf(tile)) {
    if (at.first > range.to || at.first + blocksOf(at.group.members) <= range.from) continue;
    const members = membersOf(at, await headsOf(contents, tile, at)).filter(({ heads }) =>
      heads.some(({ header: { height } }) => height >= range.from && height <= range.to),
    );
    for (const batch of batchesOf(members)) {
      throwIfAborted(options.signal);
      const frames = await readMembers(contents, tile, batch);
      yield frames.filter(({ header: { height } }) => height >= range.from && height <= range.to);
    }
  }
}

/** A tile's body as it is sent. @throws SyncError `STORE_DAMAGED` */
export async function bodyOfTile(contents: TileContents, tile: TileRecord): Promise<Uint8Array> {
  const headsBytes = headsBytesOf(tile);
  const { offset, bytes } = tile.place;
  const body = await readAt(contents, tile, offset + headsBytes, bytes - headsBytes);
  let at = 0;
  for (const { members } of tile.groups)
    for (const member of members) {
      checkMember(tile.from, member, body.subarray(at, at + member.bytes));
      at += member.bytes;
    }
  return body;
}

function* groupsOf(tile: TileRecord): Generator<GroupAt> {
  let first = tile.from;
  let headsAt = tile.place.offset;
  let membersAt = tile.place.offset + headsBytesOf(tile);
  for (const group of tile.groups) {
    yield { group, first, headsAt, membersAt };
    first += blocksOf(group.members);
    headsAt += group.headBytes;
    membersAt += group.members.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

/** A place is not written twice while a store is open. */
const keyOf = ({ place: { segment } }: TileRecord, offset: number): string => `${segment}:${offset}`;

function membersOf({ group, membersAt }: GroupAt, heads: readonly BlockHead[]): readonly MemberAt[] {
  let offset = membersAt;
  let block = 0;
  return group.members.map((member) => {
    const at = { member, offset, heads: heads.slice(block, block + member.blocks) };
    offset += member.bytes;
    block += member.blocks;
    return at;
  });
}

function* batchesOf(members: readonly MemberAt[]): Generator<readonly MemberAt[]> {
  let batch: MemberAt[] = [];
  let bytes = 0;
  for (const at of members) {
    const held = heldBytes(at);
    if (batch.length > 0 && bytes + held > READ_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(at);
    bytes += held;
  }
  if (batch.length > 0) yield batch;
}

/** What the frames of a member take: a large block stays as it is, small ones are decoded. */
function heldBytes({ member, heads }: MemberAt): number {
  const documentBytes = heads.reduce((sum, head) => sum + head.documentBytes, 0);
  return heads.some((head) => isLarge(head.documentBytes)) ? member.bytes : documentBytes;
}

function headsOf(
  contents: TileContents,
  tile: TileRecord,
  { group, first, headsAt }: GroupAt,
): Promise<readonly BlockHead[]> {
  return contents.tileCache.of(keyOf(tile, headsAt), async () => {
    const bytes = await readAt(contents, tile, headsAt, group.headBytes);
    if (crc32(bytes) !== group.headCrc) throw damaged(first, 'the heads of its blocks are damaged');
    const value = decodeHeads(bytes, first);
    return { value, bytes: value.length * HEAD_MEMORY_BYTES };
  });
}

/** The frames of members that lie behind each other. */
async function readMembers(
  contents: TileContents,
  tile: TileRecord,
  members: readonly MemberAt[],
): Promise<readonly Frame[]> {
  const [first, last] = [members[0], members.at(-1)];
  if (first === undefined || last === undefined) return [];
  const { offset } = first;
  let bytes: Promise<Buffer> | null = null;
  const read = (): Promise<Buffer> =>
    (bytes ??= readAt(contents, tile, offset, last.offset + last.member.bytes - offset));
  const frames: Frame[] = [];
  for (const at of members) {
    const start = at.offset - offset;
    const own = async (): Promise<Buffer> => (await read()).subarray(start, start + at.member.bytes);
    frames.push(...(await framesOfMember(contents, tile, at, own)));
  }
  return frames;
}

/** The frames of a member. @param read - gives its bytes */
async function framesOfMember(
  contents: TileContents,
  tile: TileRecord,
  at: MemberAt,
  read: () => Promise<Buffer>,
): Promise<readonly Frame[]> {
  const [head] = at.heads;
  const checked = async (): Promise<Buffer> => {
    const bytes = await read();
    checkMember(head?.header.height ?? tile.from, at.member, bytes);
    return bytes;
  };
  if (head !== undefined && isLarge(head.documentBytes)) return [largeFrame(head, await checked())];
  const documents = await contents.tileCache.of(keyOf(tile, at.offset), async () => {
    const value = await decodeMember(at, await checked());
    return { value, bytes: value.byteLength };
  });
  return smallFrames(at.heads, documents);
}

function largeFrame({ header, documentBytes }: BlockHead, member: Uint8Array): Frame {
  return { header, codec: 'gzip', documentBytes, bytes: largeFrameOf(member) };
}

function smallFrames(heads: readonly BlockHead[], documents: Uint8Array): readonly Frame[] {
  let at = 0;
  return heads.map(({ header, documentBytes }) => {
    const bytes = documents.subarray(at, at + documentBytes);
    at += documentBytes + 1;
    return { header, codec: 'identity', documentBytes, bytes };
  });
}

async function decodeMember({ heads }: MemberAt, bytes: Uint8Array): Promise<Uint8Array> {
  try {
    return await decodeTileBytes(
      bytes,
      heads.reduce((sum, { documentBytes }) => sum + documentBytes + 1, 0),
    );
  } catch (error) {
    if (!isSyncError(error)) throw error;
    throw damaged(heads[0]?.header.height ?? 0, error.message);
  }
}

function checkMember(height: number, { bytes, crc }: StoredMember, found: Uint8Array): void {
  if (found.byteLength === bytes && crc32(found) === crc) return;
  throw damaged(height, 'its checksum is wrong, or it is cut');
}

async function readAt(
  { tiles }: TileContents,
  { from, place: { segment } }: TileRecord,
  offset: number,
  length: number,
): Promise<Buffer> {
  try {
    return await tiles.read(segment, offset, length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw damaged(from, `there is no file ${segmentName(segment)}`, error);
  }
}

function damaged(height: number, how: string, cause?: unknown): SyncError {
  const message = `The tile of the store with block ${height} is damaged: ${how}.`;
  return new SyncError('STORE_DAMAGED', message, { height, cause });
}
