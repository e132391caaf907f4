import { crc32 } from 'node:zlib';
import type { BlockHeader, BlockRange, BlockRef, Frame } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { MAX_TILE_BLOCKS } from '../../src/tiles/cut.js';
import type { Run } from './database.js';
import type { CopyColumns, CopyRow } from './copy.js';
import { insertPieces, PART_BYTES, type PartRow } from './pieces.js';
import { ALIVE, type Tables } from './schema.js';
import { checkSeen, type Seen, seenColumns } from './seen.js';
import type { Moment } from './store-row.js';

/** What is read of a part at a time: it comes as text twice as long, which is soon collected only when it is small. */
const PIECE_BYTES = 64 * 1024;

/** What one page of a read aims at. */
export const PAGE_BYTES = 1024 * 1024;
const ROWS = 1024;

/** Heights and sizes that are read at once. */
const SIZES = 8192;

const VISIBLE = 'store = $1 and gen = $2 and born <= $3 and died > $3';

/** Where rows that are written belong: the version they are born or die at. */
export type Place = Pick<Moment, 'store' | 'gen' | 'version'>;

interface RawBlock {
  readonly height: string;
  readonly born: string;
  readonly hash: string;
  readonly prev: string;
  readonly ts: number | null;
  readonly codec: string;
  readonly doc_bytes: string;
  readonly size: number;
  readonly crc: string;
  readonly bytes: Buffer;
}

const COLUMNS = {
  store: 'int4',
  gen: 'int4',
  height: 'int8',
  born: 'int8',
  hash: 'text',
  prev: 'text',
  ts: 'float8',
  codec: 'text',
  doc_bytes: 'int8',
  size: 'int4',
  crc: 'int8',
  bytes: 'bytes',
} as const satisfies CopyColumns;

/** Inserts blocks. */
export async function insertBlocks(
  run: Run,
  tables: Tables,
  { store, gen, version }: Place,
  frames: readonly Frame[],
): Promise<void> {
  if (frames.length === 0) return;
  await run.into(tables.blocks, COLUMNS, rowsOf(frames, { store, gen, version }));
  await insertPieces(run, tables.parts, { store, gen, version }, frames.flatMap(partsOf));
}

/** Made as they are sent: the server works meanwhile. */
function* rowsOf(frames: readonly Frame[], { store, gen, version }: Place): Generator<CopyRow> {
  for (const { header, codec, documentBytes, bytes } of frames) {
    const { height, hash, previousHash, timestamp } = header;
    const first = bytes.subarray(0, PART_BYTES);
    const known = [store, gen, height, version, hash, previousHash, timestamp, codec, documentBytes];
    yield [...known, bytes.byteLength, crc32(bytes), first];
  }
}

/** What of a large block is not in its own row. */
function partsOf({ header: { height }, bytes }: Frame): readonly PartRow[] {
  const parts: PartRow[] = [];
  for (let part = 1; part * PART_BYTES < bytes.byteLength; part++)
    parts.push({ height, part, bytes: bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES) });
  return parts;
}

/** Drops the blocks of a range of heights, for those who see the version of the place; piece by piece. */
export async function dropBlocks(
  run: Run,
  { blocks }: Tables,
  place: Place,
  { from, to }: BlockRange,
): Promise<void> {
  const sql = `update ${blocks} set died = $3
    where store = $1 and gen = $2 and height between $4 and $5 and died = ${ALIVE}`;
  for (let at = from; at <= to; at += ROWS)
    await run(sql, [place.store, place.gen, place.version, at, Math.min(to, at + ROWS - 1)]);
}

/** Drops the blocks of a range of heights that a tile took the place of at a version. */
export async function dropReplacedBlocks(
  run: Run,
  { blocks }: Tables,
  { store, gen }: Place,
  { from, to, born }: BlockRange & { readonly born: number },
): Promise<void> {
  const sql = `update ${blocks} set died = $3
    where store = $1 and gen = $2 and height between $4 and $5 and born < $3 and died = ${ALIVE}`;
  await run(sql, [store, gen, born, from, to]);
}

/** Heights of a range that have a row, and the lengths of the documents, in order: so many at a time. */
export async function* sizesIn(
  run: Run,
  { blocks }: Tables,
  { store, gen, version }: Place,
  { from, to }: BlockRange,
): AsyncGenerator<readonly { readonly height: number; readonly documentBytes: number }[]> {
  const sql = `select height, doc_bytes from ${blocks} where ${VISIBLE} and height between $4 and $5
    order by height limit ${SIZES}`;
  for (let next = from; next <= to;) {
    const rows = await run<Pick<RawBlock, 'height' | 'doc_bytes'>>(sql, [store, gen, version, next, to]);
    if (rows.length === 0) return;
    yield rows.map((row) => ({ height: Number(row.height), documentBytes: Number(row.doc_bytes) }));
    next = Number(rows.at(-1)?.height) + 1;
  }
}

/** Refs of the blocks of at most 1,024 heights that have a row. */
export async function refsOf(
  run: Run,
  { blocks }: Tables,
  { store, gen, version }: Place,
  { from, to }: BlockRange,
): Promise<readonly BlockRef[]> {
  const sql = `select height, hash from ${blocks} where ${VISIBLE} and height between $4 and $5`;
  const rows = await run<Pick<RawBlock, 'height' | 'hash'>>(sql, [store, gen, version, from, to]);
  return rows.map(({ height, hash }) => ({ height: Number(height), hash }));
}

/** The header at a height; `null` when there is no row. */
export async function headerAt(
  run: Run,
  { blocks }: Tables,
  { store, gen, version }: Place,
  height: number,
): Promise<BlockHeader | null> {
  const sql = `select height, hash, prev, ts from ${blocks} where ${VISIBLE} and height = $4`;
  const [row] = await run<RawBlock>(sql, [store, gen, version, height]);
  return row === undefined ? null : headerOf(row);
}

/**
 * The first frames of a range, of about 1 MiB, up to the first height that has no row, or is in a tile: then its row may be
 * removed while it is read.
 */
export async function framesFrom(
  run: Run,
  tables: Tables,
  at: Moment,
  { from, to }: BlockRange,
): Promise<readonly Frame[]> {
  const sql = `select height, born, hash, prev, ts, codec, doc_bytes, size, crc, bytes, ${seenColumns(tables, '$6')} from (
      select b.*, sum(size) over (order by height) - size as before from (
        select * from ${tables.blocks} where ${VISIBLE} and height between $4 and $5 and height < coalesce((
          select min(height) from ${tables.tiles}
          where ${VISIBLE} and height between $4::bigint - ${MAX_TILE_BLOCKS - 1} and $5 and until >= $4
        ), ${ALIVE}) order by height limit ${ROWS}
      ) b
    ) p where before < ${PAGE_BYTES} order by height`;
  const rows = await run<RawBlock & Seen>(sql, [
    at.store,
    at.gen,
    at.version,
    from,
    Math.min(to, from + ROWS - 1),
    at.epoch,
  ]);
  if (rows.length > 0) checkSeen(at, rows[0]);
  const frames: Frame[] = [];
  for (const row of rows)
    if (Number(row.height) === from + frames.length) frames.push(await frameOf(run, tables, at, row));
  return frames;
}

async function frameOf(run: Run, tables: Tables, place: Place, row: RawBlock): Promise<Frame> {
  const bytes = await bytesOf(run, tables, place, row);
  const header = headerOf(row);
  if (bytes.byteLength !== row.size || crc32(bytes) !== Number(row.crc))
    throw damaged(header.height, 'altered');
  return { header, codec: row.codec, documentBytes: Number(row.doc_bytes), bytes };
}

/** Puts parts where they belong as they come, so that a large block is in memory once; fewer bytes where one is missing. */
async function bytesOf(run: Run, { parts }: Tables, place: Place, row: RawBlock): Promise<Buffer> {
  if (row.size <= PART_BYTES) return row.bytes;
  const bytes = Buffer.allocUnsafe(row.size);
  let end = row.bytes.copy(bytes);
  const sql = `select substring(bytes from $6 for ${PIECE_BYTES}) as bytes from ${parts}
    where store = $1 and gen = $2 and height = $3 and born = $4 and part = $5`;
  for (let at = PART_BYTES; at < row.size; at += PIECE_BYTES) {
    const part = Math.floor(at / PART_BYTES);
    const values = [place.store, place.gen, row.height, row.born, part, (at % PART_BYTES) + 1];
    const [piece] = await run<{ readonly bytes: Buffer }>(sql, values);
    end += piece?.bytes.copy(bytes, end) ?? 0;
  }
  return bytes.subarray(0, end);
}

function headerOf({ height, hash, prev, ts }: RawBlock): BlockHeader {
  return { height: Number(height), hash, previousHash: prev, timestamp: ts };
}

/** The error of a block that was acknowledged. */
export function damaged(height: number, how: 'altered' | 'missing'): SyncError {
  return new SyncError('STORE_DAMAGED', `Block ${height} is ${how} in the database.`, { height });
}
