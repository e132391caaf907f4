import type { BlockRange, CommitBlock, StateEntry, StoreTable } from '../../src/contracts/index.js';
import type { Place } from './block-rows.js';
import type { Run } from './database.js';
import { ALIVE, type Tables } from './schema.js';
import { askSeen, checkSeen, type Seen, seenColumns } from './seen.js';
import type { Moment } from './store-row.js';

/** Height of the values that came before all blocks: with a snapshot. */
const BEFORE_BLOCKS = -1;

const INSERT_BYTES = 4 * 1024 * 1024;
const PAGE_BYTES = 1024 * 1024;
const ROWS = 1024;

/** Heights whose changes one statement drops. */
const HEIGHTS = 64;

/** A value of a key as of a block. */
export interface Value {
  readonly table: StoreTable;
  readonly key: string;
  readonly height: number;
  readonly value: Uint8Array | null;
}

/** Adds what blocks change; of one block's changes of a key the last one counts. The values before stay, as the undo. */
export async function insertChanges(
  run: Run,
  tables: Tables,
  place: Place,
  blocks: readonly CommitBlock[],
): Promise<void> {
  await insertValues(run, tables, place, valuesOf(blocks));
}

/** What blocks change: the last change of a key in each. */
export function valuesOf(blocks: readonly CommitBlock[]): readonly Value[] {
  return blocks.flatMap(({ frame, changes }) => {
    const last = new Map<string, Value>();
    for (const { table, key, value } of changes)
      last.set(`${table} ${key}`, { table, key, height: frame.header.height, value });
    return [...last.values()];
  });
}

/** Adds values that hold before the first block; the last one of a key counts. */
export async function insertEntries(
  run: Run,
  tables: Tables,
  place: Omit<Place, 'version'>,
  { table, entries }: { readonly table: StoreTable; readonly entries: readonly StateEntry[] },
): Promise<void> {
  const last = new Map(entries.map(({ key, value }) => [key, value]));
  const values = [...last].map(([key, value]) => ({ table, key, height: BEFORE_BLOCKS, value }));
  await insertValues(run, tables, { ...place, version: 0 }, values);
}

async function insertValues(
  run: Run,
  { state }: Tables,
  { store, gen, version }: Place,
  values: readonly Value[],
): Promise<void> {
  const sql = `insert into ${state} (store, gen, born, tbl, key, height, value)
    select $1, $2, $3, u.* from unnest($4::text[], $5::bytea[], $6::bigint[], $7::bytea[]) u
    on conflict (store, gen, tbl, key, height, born) do update set value = excluded.value`;
  for (let at = 0; at < values.length;) {
    const from = at;
    for (let bytes = 0; at < values.length && at - from < ROWS && bytes < INSERT_BYTES; at++)
      bytes += values[at]?.value?.byteLength ?? 0;
    const chunk = values.slice(from, at);
    await run(sql, [
      store,
      gen,
      version,
      chunk.map(({ table }) => table),
      chunk.map(({ key }) => Buffer.from(key)),
      chunk.map(({ height }) => height),
      chunk.map(({ value }) => (value === null ? null : Buffer.from(value))),
    ]);
  }
}

/** Drops the changes of blocks of a range of heights: what they replaced holds again. Piece by piece. */
export async function dropChanges(
  run: Run,
  { state }: Tables,
  place: Place,
  { from, to }: BlockRange,
): Promise<void> {
  const sql = `update ${state} set died = $3
    where store = $1 and gen = $2 and height between $4 and $5 and died = ${ALIVE}`;
  for (let at = from; at <= to; at += HEIGHTS)
    await run(sql, [place.store, place.gen, place.version, at, Math.min(to, at + HEIGHTS - 1)]);
}

/** The value of a key as it was after a height; `null` when the key isn't set. */
export async function valueAt(
  run: Run,
  tables: Tables,
  at: Moment,
  { table, key, height }: Omit<Value, 'value'>,
): Promise<Uint8Array | null> {
  const sql = `select (
      select value from ${tables.state} where store = $1 and gen = $2 and tbl = $4 and key = $5 and height <= $6
        and born <= $3 and died > $3 order by height desc limit 1
    ) as value, ${seenColumns(tables, '$7')}`;
  const values = [at.store, at.gen, at.version, table, Buffer.from(key), height, at.epoch];
  const [row] = await run<{ readonly value: Buffer | null } & Seen>(sql, values);
  checkSeen(at, row);
  return row?.value ?? null;
}

/** The entries of a table after a key, or from the first one on: about 1 MiB, none when there are no more. */
export async function entriesAfter(
  run: Run,
  tables: Tables,
  at: Moment,
  { table, after }: { readonly table: StoreTable; readonly after: string | null },
): Promise<readonly StateEntry[]> {
  const sql = `select key, value, ${seenColumns(tables, '$6')} from (
      select key, value, sum(octet_length(value)) over (order by key) - octet_length(value) as before from (
        select * from (
          select distinct on (key) key, value from ${tables.state}
          where store = $1 and gen = $2 and tbl = $4 and born <= $3 and died > $3
            and height <= $7 and ($5::bytea is null or key > $5)
          order by key, height desc
        ) newest where value is not null order by key limit ${ROWS}
      ) held
    ) page where before < ${PAGE_BYTES} order by key`;
  const key = after === null ? null : Buffer.from(after);
  const top = at.checkpoint.head?.height ?? -1;
  const values = [at.store, at.gen, at.version, table, key, at.epoch, top];
  const rows = await run<{ readonly key: Buffer; readonly value: Buffer } & Seen>(sql, values);
  if (rows.length === 0) await askSeen(run, tables, at);
  else checkSeen(at, rows[0]);
  return rows.map(({ key, value }) => ({ key: key.toString(), value }));
}
