import type { Run } from './database.js';
import { ALIVE, type Tables } from './schema.js';
import type { Moment } from './store-row.js';

/** What one transaction removes at most. */
const ROWS = 512;
const BYTES = 8 * 1024 * 1024;
const TILES = 8;

/** Rows of finalized blocks' changes that one step looks at, about. */
const CHANGES = 2048;

/** Takes one bounded step, and says whether there may be more to do. */
export type Step = (run: Run) => Promise<boolean>;

/** Removes blocks that were dropped, as seen from a moment, with their parts. */
export function dropDeadBlocks(tables: Tables, { store, version }: Moment): Step {
  return (run) => dropBlocksWhere(run, tables, 'store = $1 and died <= $2', [store, version]);
}

/** Removes tiles that were dropped, as seen from a moment, with their bodies. */
export function dropDeadTiles(tables: Tables, { store, version }: Moment): Step {
  return (run) => dropTilesWhere(run, tables, 'store = $1 and died <= $2', [store, version]);
}

/** Removes the tiles of a generation. */
export function dropTilesOf(tables: Tables, store: number, gen: number): Step {
  return (run) => dropTilesWhere(run, tables, 'store = $1 and gen = $2', [store, gen]);
}

async function dropTilesWhere(
  run: Run,
  { tiles, tileParts }: Tables,
  where: string,
  values: readonly unknown[],
): Promise<boolean> {
  const sql = `with gone as (
      delete from ${tiles} where ctid = any (array(select ctid from ${tiles} where ${where} limit ${TILES}))
      returning store, gen, height, born
    ), rest as (
      delete from ${tileParts} p using gone g
      where p.store = g.store and p.gen = g.gen and p.height = g.height and p.born = g.born
    ) select count(*)::int as count from gone`;
  return (await countOf(run, sql, values)) > 0;
}

/** Removes blocks that a tile has taken the place of, as seen from a moment: those of one tile after the other. */
export function dropTiledBlocks(tables: Tables, { store, gen, version }: Moment): Step {
  const unswept = `select height, until, born from ${tables.tiles}
    where store = $1 and gen = $2 and not swept and born <= $3 and died = ${ALIVE} order by height limit 1`;
  const covered = 'store = $1 and gen = $2 and height between $3 and $4 and born < $5';
  const swept = `update ${tables.tiles} set swept = true where store = $1 and gen = $2 and height = $3 and born = $4`;
  return async (run) => {
    const [tile] = await run<UnsweptTile>(unswept, [store, gen, version]);
    if (tile === undefined) return false;
    const { height, until, born } = tile;
    if (!(await dropBlocksWhere(run, tables, covered, [store, gen, height, until, born])))
      await run(swept, [store, gen, height, born]);
    return true;
  };
}

interface UnsweptTile {
  readonly height: string;
  readonly until: string;
  readonly born: string;
}

/** Removes the blocks of a generation. */
export function dropBlocksOf(tables: Tables, store: number, gen: number): Step {
  return (run) => dropBlocksWhere(run, tables, 'store = $1 and gen = $2', [store, gen]);
}

async function dropBlocksWhere(
  run: Run,
  { blocks, parts }: Tables,
  where: string,
  values: readonly unknown[],
): Promise<boolean> {
  const sql = `with doomed as (
      select id, sum(size) over (order by n) - size as before from (
        select ctid as id, size, row_number() over () as n from (select ctid, size from ${blocks} where ${where} limit ${ROWS}) few
      ) numbered
    ), gone as (
      delete from ${blocks} where ctid = any (array(select id from doomed where before < ${BYTES}))
      returning store, gen, height, born
    ), rest as (
      delete from ${parts} p using gone g
      where p.store = g.store and p.gen = g.gen and p.height = g.height and p.born = g.born
    ) select count(*)::int as count from gone`;
  return (await countOf(run, sql, values)) > 0;
}

/** Removes changes of the state that were dropped, as seen from a moment. */
export function dropDeadChanges({ state }: Tables, { store, version }: Moment): Step {
  return (run) => dropWhere(run, state, 'store = $1 and died <= $2', [store, version]);
}

/** Removes the state of a generation. */
export function dropStateOf({ state }: Tables, store: number, gen: number): Step {
  return (run) => dropWhere(run, state, 'store = $1 and gen = $2', [store, gen]);
}

async function dropWhere(
  run: Run,
  table: string,
  where: string,
  values: readonly unknown[],
): Promise<boolean> {
  const sql = `with gone as (
      delete from ${table} where ctid = any (array(select ctid from ${table} where ${where} limit ${ROWS})) returning 1
    ) select count(*)::int as count from gone`;
  return (await countOf(run, sql, values)) > 0;
}

/**
 * Removes values of the state that a finalized block has replaced, as seen from a moment, and then the notes that a key is
 * not set. The height up to which that is done is kept in the store's row.
 */
export function dropReplaced(tables: Tables, { store, gen, version, checkpoint }: Moment): Step {
  const final = checkpoint.finalized?.height ?? -1;
  return async (run) => {
    const [row] = await run<{ readonly tidied: string }>(`select tidied from ${tables.store} where id = $1`, [
      store,
    ]);
    const from = Number(row?.tidied ?? final);
    if (from >= final) return false;
    const to = await endOfStep(run, tables, { store, gen, from, final });
    const values = [store, gen, version, from, to];
    if ((await countOf(run, replacedSql(tables), values)) > 0) return true;
    if ((await countOf(run, unsetSql(tables), values)) > 0) return true;
    await run(`update ${tables.store} set tidied = $2 where id = $1`, [store, to]);
    return to < final;
  };
}

async function endOfStep(
  run: Run,
  { state }: Tables,
  {
    store,
    gen,
    from,
    final,
  }: Pick<Moment, 'store' | 'gen'> & { readonly from: number; readonly final: number },
): Promise<number> {
  const sql = `select height from ${state} where store = $1 and gen = $2 and height > $3 and height <= $4
    order by height offset ${CHANGES} limit 1`;
  const [row] = await run<{ readonly height: string }>(sql, [store, gen, from, final]);
  return row === undefined ? final : Math.max(from + 1, Number(row.height) - 1);
}

const FINAL =
  'n.store = $1 and n.gen = $2 and n.born <= $3 and n.died > $3 and n.height > $4 and n.height <= $5';

function replacedSql({ state }: Tables): string {
  return `with gone as (
      delete from ${state} where ctid = any (array(
        select o.ctid from ${state} n join ${state} o
          on o.store = n.store and o.gen = n.gen and o.tbl = n.tbl and o.key = n.key and o.height < n.height
        where ${FINAL} limit ${ROWS}
      )) returning 1
    ) select count(*)::int as count from gone`;
}

function unsetSql({ state }: Tables): string {
  return `with gone as (
      delete from ${state} where ctid = any (array(
        select n.ctid from ${state} n where ${FINAL} and n.value is null limit ${ROWS}
      )) returning 1
    ) select count(*)::int as count from gone`;
}

async function countOf(run: Run, sql: string, values: readonly unknown[]): Promise<number> {
  const [row] = await run<{ readonly count: number }>(sql, values);
  return row?.count ?? 0;
}

/** The first generation above another that has rows; `null` when there is none. */
export async function generationAfter(
  run: Run,
  { blocks, tiles, state }: Tables,
  store: number,
  gen: number,
): Promise<number | null> {
  const sql = `select least(
      (select gen from ${blocks} where store = $1 and gen > $2 order by gen limit 1),
      (select gen from ${tiles} where store = $1 and gen > $2 order by gen limit 1),
      (select gen from ${state} where store = $1 and gen > $2 order by gen limit 1)) as gen`;
  const [row] = await run<{ readonly gen: number | null }>(sql, [store, gen]);
  return row?.gen ?? null;
}
