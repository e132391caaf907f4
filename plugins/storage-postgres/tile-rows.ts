import { crc32 } from 'node:zlib';
import type { BlockRange, Tile } from '../../src/contracts/index.js';
import { MAX_TILE_BLOCKS } from '../../src/tiles/cut.js';
import { intervalStart } from '../../src/tiles/plan.js';
import type { Place } from './block-rows.js';
import type { Run } from './database.js';
import { insertPieces, PART_BYTES } from './pieces.js';
import { ALIVE, type Tables } from './schema.js';
import { askSeen, checkSeen, type Seen, seenColumns } from './seen.js';
import type { Moment } from './store-row.js';

/** Parts of a body that one statement reads. */
const PARTS = 8;

/** Tiles that one statement reads. */
const PAGE_TILES = 1024;

const VISIBLE = 't.store = $1 and t.gen = $2 and t.born <= $3 and t.died > $3';
const COLUMNS =
  't.height, t.born, t.until, t.hash, t.prev, t.doc_bytes, t.digest, t.decided, t.size, t.members';

/** A piece of a tile's body that decodes by itself, with the CRC-32 of its bytes. */
export interface RowMember {
  readonly blocks: number;
  readonly bytes: number;
  readonly crc: number;
}

/** A tile as its row has it, without the heads of its blocks. */
export interface TileRow extends Tile {
  readonly gen: number;
  /** Version since which it is in the place of what its blocks were before. */
  readonly born: number;
  /**
   * Height of the block that decided it; `null` while the cut is open, or what decided it is not settled: then these are
   * blocks like others, only kept in this form.
   */
  readonly decidedAt: number | null;
  readonly members: readonly RowMember[];
}

/** A tile that is to be written. */
export interface NewTile extends Tile {
  readonly decidedAt: number | null;
  readonly members: readonly RowMember[];
  readonly heads: Buffer;
  readonly body: Uint8Array;
  /** Whether there are no rows of its blocks. */
  readonly isSwept: boolean;
}

interface RawTile {
  readonly height: string;
  readonly born: string;
  readonly until: string;
  readonly hash: string;
  readonly prev: string;
  readonly doc_bytes: string;
  readonly digest: string | null;
  readonly decided: string | null;
  readonly size: number;
  readonly members: string;
}

/** Members of a body as its row has them: blocks, bytes, CRC-32. */
type MemberTuple = readonly [blocks: number, bytes: number, crc: number];

function tileOf(raw: RawTile, gen: number): TileRow {
  const members = JSON.parse(raw.members) as readonly MemberTuple[];
  return {
    gen,
    born: Number(raw.born),
    from: Number(raw.height),
    to: Number(raw.until),
    hash: raw.hash,
    previousHash: raw.prev,
    documentBytes: Number(raw.doc_bytes),
    digest: raw.digest,
    bytes: raw.size,
    decidedAt: raw.decided === null ? null : Number(raw.decided),
    members: members.map(([blocks, bytes, crc]) => ({ blocks, bytes, crc })),
  };
}

/** Inserts tiles; those that are there already stay. */
export async function insertTiles(
  run: Run,
  tables: Tables,
  { store, gen, version }: Place,
  tiles: readonly NewTile[],
): Promise<void> {
  if (tiles.length === 0) return;
  let end = 1;
  const offsets = tiles.map(({ heads }) => (end += heads.byteLength) - heads.byteLength);
  const sql = `insert into ${tables.tiles} (store, gen, born, height, until, hash, prev, doc_bytes, digest, decided, swept,
      size, members, crc, heads)
    select $1, $2, $3, u.height, u.until, u.hash, u.prev, u.doc_bytes, u.digest, u.decided, u.swept, u.size, u.members,
      u.crc, substring($4::bytea from u.at for u.len)
    from unnest($5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::bigint[], $10::text[], $11::bigint[], $12::bool[],
      $13::int[], $14::text[], $15::bigint[], $16::int[], $17::int[])
      as u(height, until, hash, prev, doc_bytes, digest, decided, swept, size, members, crc, at, len)
    on conflict do nothing`;
  await run(sql, [
    store,
    gen,
    version,
    Buffer.concat(tiles.map(({ heads }) => heads)),
    tiles.map(({ from }) => from),
    tiles.map(({ to }) => to),
    tiles.map(({ hash }) => hash),
    tiles.map(({ previousHash }) => previousHash),
    tiles.map(({ documentBytes }) => documentBytes),
    tiles.map(({ digest }) => digest),
    tiles.map(({ decidedAt }) => decidedAt),
    tiles.map(({ isSwept }) => isSwept),
    tiles.map(({ bytes }) => bytes),
    tiles.map(({ members }) => JSON.stringify(members.map(({ blocks, bytes, crc }) => [blocks, bytes, crc]))),
    tiles.map(({ heads }) => crc32(heads)),
    offsets,
    tiles.map(({ heads }) => heads.byteLength),
  ]);
  const pieces = tiles.flatMap(({ from, body }) =>
    partsOf(body).map((bytes, part) => ({ height: from, part, bytes })),
  );
  await insertPieces(run, tables.tileParts, { store, gen, version }, pieces);
}

function partsOf(body: Uint8Array): readonly Uint8Array[] {
  const count = Math.ceil(body.byteLength / PART_BYTES);
  return Array.from({ length: count }, (_, part) =>
    body.subarray(part * PART_BYTES, (part + 1) * PART_BYTES),
  );
}

/** The tile that has a height at a moment, decided or not; `null` when none has. */
export async function tileAt(run: Run, tables: Tables, at: Moment, height: number): Promise<TileRow | null> {
  const sql = `select ${COLUMNS}, ${seenColumns(tables, '$5')} from ${tables.tiles} t
    where ${VISIBLE} and t.height between $6 and $4 order by t.height desc limit 1`;
  const values = [at.store, at.gen, at.version, height, at.epoch, height - MAX_TILE_BLOCKS + 1];
  const [raw] = await run<RawTile & Seen>(sql, values);
  if (raw === undefined) {
    await askSeen(run, tables, at);
    return null;
  }
  checkSeen(at, raw);
  const tile = tileOf(raw, at.gen);
  return tile.to >= height ? tile : null;
}

/** The tiles that have a height of a range, in order: so many at a time, decided or not. */
export async function* tilesIn(
  run: Run,
  { tiles }: Tables,
  at: Place,
  { from, to }: BlockRange,
): AsyncGenerator<readonly TileRow[]> {
  const sql = `select ${COLUMNS} from ${tiles} t
    where ${VISIBLE} and t.height between $4 and $5 and t.until >= $6 order by t.height limit ${PAGE_TILES}`;
  for (let next = from - MAX_TILE_BLOCKS + 1; ;) {
    const raw = await run<RawTile>(sql, [at.store, at.gen, at.version, next, to, from]);
    const page = raw.map((row) => tileOf(row, at.gen));
    if (page.length > 0) yield page;
    if (page.length < PAGE_TILES) return;
    next = (page.at(-1)?.to ?? to) + 1;
  }
}

/** What names a tile's rows. */
type TileKey = Pick<TileRow, 'gen' | 'from' | 'born'>;

/** The heads of a tile's blocks as they are stored; `null` when there is no row, or they were altered. */
export async function headsOf(
  run: Run,
  { tiles }: Tables,
  store: number,
  { gen, from, born }: TileKey,
): Promise<Buffer | null> {
  const sql = `select heads, crc from ${tiles} where store = $1 and gen = $2 and height = $3 and born = $4`;
  const [row] = await run<{ readonly heads: Buffer; readonly crc: string }>(sql, [store, gen, from, born]);
  return row !== undefined && crc32(row.heads) === Number(row.crc) ? row.heads : null;
}

/** Bytes of a tile's body; fewer where a part is missing. */
export async function bodyBytes(
  run: Run,
  { tileParts }: Tables,
  store: number,
  { gen, from, born, bytes }: TileKey & Pick<TileRow, 'bytes'>,
  { offset, length }: { readonly offset: number; readonly length: number },
): Promise<Buffer> {
  const end = offset + length;
  const isWhole = offset === 0 && length === bytes;
  const pieces: Buffer[] = [];
  for (let part = Math.floor(offset / PART_BYTES); part * PART_BYTES < end; part += PARTS) {
    const last = Math.min(part + PARTS - 1, Math.floor((end - 1) / PART_BYTES));
    // Only as much of the first and the last part as is asked for leaves the server.
    const start = `case when part = ${part} then ${Math.max(offset - part * PART_BYTES, 0) + 1} else 1 end`;
    const stop = `case when part = ${last} then ${Math.min(end - last * PART_BYTES, PART_BYTES) + 1} else ${PART_BYTES + 1} end`;
    await run.bytes(
      `select ${isWhole ? 'bytes' : `substring(bytes from ${start} for ${stop} - ${start})`} from ${tileParts}
        where store = ${store} and gen = ${gen} and height = ${from} and born = ${born}
          and part between ${part} and ${last} order by part`,
      ([bytes]) => pieces.push(bytes ?? Buffer.alloc(0)),
    );
  }
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
}

/** Gives the bodies of some tiles, each of one part, as they come, in the order of heights. */
export async function smallBodies(
  run: Run,
  { tileParts }: Tables,
  { store, tiles }: { readonly store: number; readonly tiles: readonly TileRow[] },
  onBody: (tile: TileRow, body: Buffer) => void,
): Promise<void> {
  const listed = (pick: (tile: TileRow) => number): string => [...new Set(tiles.map(pick))].join(', ');
  const asked = new Map(tiles.map((tile) => [`${tile.from} ${tile.born}`, tile]));
  await run.bytes(
    `select height, born, bytes from ${tileParts}
      where store = ${store} and gen in (${listed(({ gen }) => gen)}) and height in (${listed(({ from }) => from)})
        and born in (${listed(({ born }) => born)}) and part = 0 order by height`,
    ([height, born, body]) => {
      const tile = asked.get(`${height?.readBigInt64BE()} ${born?.readBigInt64BE()}`);
      if (tile !== undefined && body) onBody(tile, body);
    },
  );
}

/** Drops the tiles that have a height of a range, for those who see the version of the place. */
export async function dropTiles(
  run: Run,
  { tiles }: Tables,
  { store, gen, version }: Place,
  { from, to }: BlockRange,
): Promise<void> {
  const sql = `update ${tiles} set died = $3
    where store = $1 and gen = $2 and height between $4 and $5 and until >= $6 and died = ${ALIVE}`;
  await run(sql, [store, gen, version, from - MAX_TILE_BLOCKS + 1, to, from]);
}

/** Opens the cut of tiles again that only a block from a height on had decided. */
export async function undecideTiles(
  run: Run,
  { tiles }: Tables,
  { store, gen }: Place,
  height: number,
): Promise<void> {
  const sql = `update ${tiles} set decided = null
    where store = $1 and gen = $2 and height between $3 and $4 and decided >= $4 and died = ${ALIVE}`;
  await run(sql, [store, gen, intervalStart(height), height]);
}

/** Takes note which block decided tiles. */
export async function decideTiles(
  run: Run,
  { tiles }: Tables,
  { store, gen }: Place,
  decided: readonly { readonly from: number; readonly decidedAt: number }[],
): Promise<void> {
  const sql = `update ${tiles} t set decided = u.decided from unnest($3::bigint[], $4::bigint[]) u(height, decided)
    where t.store = $1 and t.gen = $2 and t.height = u.height and t.died = ${ALIVE}`;
  await run(sql, [store, gen, decided.map(({ from }) => from), decided.map(({ decidedAt }) => decidedAt)]);
}

/** Members with the checksums of their bytes. */
export function rowMembers(
  members: readonly { readonly blocks: number; readonly bytes: number }[],
  body: Uint8Array,
): readonly RowMember[] {
  let at = 0;
  return members.map(({ blocks, bytes }) => {
    const crc = crc32(body.subarray(at, (at += bytes)));
    return { blocks, bytes, crc };
  });
}
