import { crc32 } from 'node:zlib';
import type { BlockHeader, BlockRange, BlockRef, Frame } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import type { Run } from './database.js';
import { ALIVE, type Tables } from './schema.js';
import { checkSeen, type Seen, seenColumns } from './seen.js';
import type { Moment } from './store-row.js';

/** Most bytes of a row; a larger block goes on in rows of its own. */
const PART_BYTES = 1024 * 1024;

/** What is read of a part at a time: it comes as text twice as long, which is soon collected only when it is small. */
const PIECE_BYTES = 64 * 1024;

/** What one statement inserts at most, and what one page of a read aims at. */
const INSERT_BYTES = 4 * 1024 * 1024;
const PAGE_BYTES = 1024 * 1024;
const ROWS = 1024;

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

/** Inserts blocks; those that are there already stay. */
export async function insertBlocks(
  run: Run,
  tables: Tables,
  place: Place,
  frames: readonly Frame[],
): Promise<void> {
  for (let at = 0; at < frames.length;) {
    const chunk: Frame[] = [];
    for (let bytes = 0; at < frames.length && chunk.length < ROWS && bytes < INSERT_BYTES; at++) {
      const frame = frames[at];
      if (frame === undefined) break;
      bytes += Math.min(frame.bytes.byteLength, PART_BYTES);
      chunk.push(frame);
    }
    await insertChunk(run, tables, place, chunk);
    for (const frame of chunk) await insertParts(run, tables, place, frame);
  }
}

async function insertChunk(
  run: Run,
  { blocks }: Tables,
  place: Place,
  frames: readonly Frame[],
): Promise<void> {
  const firsts = frames.map(({ bytes }) => bytes.subarray(0, PART_BYTES));
  let end = 1;
  const offsets = firsts.map(({ byteLength }) => (end += byteLength) - byteLength);
  const headers = frames.map(({ header }) => header);
  const sql = `insert into ${blocks} (store, gen, born, height, hash, prev, ts, codec, doc_bytes, size, crc, bytes)
    select $1, $2, $3, u.height, u.hash, u.prev, u.ts, u.codec, u.doc_bytes, u.size, u.crc,
      substring($4::bytea from u.at for u.len)
    from unnest($5::bigint[], $6::text[], $7::text[], $8::float8[], $9::text[], $10::bigint[], $11::int[], $12::bigint[],
      $13::int[], $14::int[]) as u(height, hash, prev, ts, codec, doc_bytes, size, crc, at, len)
    on conflict do nothing`;
  await run(sql, [
    place.store,
    place.gen,
    place.version,
    Buffer.concat(firsts),
    headers.map(({ height }) => height),
    headers.map(({ hash }) => hash),
    headers.map(({ previousHash }) => previousHash),
    headers.map(({ timestamp }) => timestamp),
    frames.map(({ codec }) => codec),
    frames.map(({ documentBytes }) => documentBytes),
    frames.map(({ bytes }) => bytes.byteLength),
    frames.map(({ bytes }) => crc32(bytes)),
    offsets,
    firsts.map(({ byteLength }) => byteLength),
  ]);
}

async function insertParts(
  run: Run,
  { parts }: Tables,
  place: Place,
  { header, bytes }: Frame,
): Promise<void> {
  const sql = `insert into ${parts} (store, gen, height, born, part, bytes) values ($1, $2, $3, $4, $5, $6)
    on conflict do nothing`;
  for (let part = 1; part * PART_BYTES < bytes.byteLength; part++) {
    const { byteLength } = bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset + part * PART_BYTES, byteLength);
    await run(sql, [place.store, place.gen, header.height, place.version, part, piece]);
  }
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

/** Refs of the blocks of a range of heights, newest first. */
export async function refsOf(
  run: Run,
  { blocks }: Tables,
  { store, gen, version }: Place,
  { from, to }: BlockRange,
): Promise<readonly BlockRef[]> {
  const sql = `select height, hash from ${blocks} where ${VISIBLE} and height between $4 and $5 order by height desc`;
  const refs: BlockRef[] = [];
  for (let top = to; top >= from; top -= ROWS) {
    const values = [store, gen, version, Math.max(from, top - ROWS + 1), top];
    const rows = await run<Pick<RawBlock, 'height' | 'hash'>>(sql, values);
    for (const { height, hash } of rows) refs.push({ height: Number(height), hash });
  }
  return refs;
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

/** The first frames of a range, of about 1 MiB, at least one; fewer where rows are missing. */
export async function framesFrom(
  run: Run,
  tables: Tables,
  at: Moment,
  { from, to }: BlockRange,
): Promise<readonly Frame[]> {
  const sql = `select height, born, hash, prev, ts, codec, doc_bytes, size, crc, bytes, ${seenColumns(tables, '$6')} from (
      select b.*, sum(size) over (order by height) - size as before from (
        select * from ${tables.blocks} where ${VISIBLE} and height between $4 and $5 order by height limit ${ROWS}
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
  for (const row of rows) frames.push(await frameOf(run, tables, at, row));
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
