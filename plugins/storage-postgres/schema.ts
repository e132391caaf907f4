import { readOptions } from '../../src/internal/options/index.js';
import { Database } from './database.js';
import { MadeMeanwhile, sqlStateOf } from './errors.js';
import { DATABASE_OPTIONS, type PostgresDatabaseOptions } from '../../src/internal/postgres-options.js';

/** Form of the tables. */
export const FORMAT = 2;

/** `died` of a row that is not dropped. */
export const ALIVE = '9223372036854775807';

/** Names of the tables, for statements. */
export interface Tables {
  readonly store: string;
  readonly claims: string;
  readonly blocks: string;
  readonly parts: string;
  readonly tiles: string;
  readonly tileParts: string;
  readonly state: string;
  readonly cursors: string;
}

/** Names of the tables in a schema, whose name needs no more than quotes. */
export function tablesOf(schema: string): Tables {
  const of = (name: string): string => `"${schema}".${name}`;
  return {
    store: of('store'),
    claims: of('claims'),
    blocks: of('blocks'),
    parts: of('parts'),
    tiles: of('tiles'),
    tileParts: of('tile_parts'),
    state: of('state'),
    cursors: of('cursors'),
  };
}

/**
 * Makes the schema and the tables that `postgresStorage` uses, where they are missing. Nothing else makes any: a store is
 * opened by roles that may not. Stores of an earlier form are turned into the present one, which only adds tables; versions
 * that know only that form can't open them any more.
 *
 * @throws SyncError `STORE_UNAVAILABLE`, `STORE_IO`
 * @throws TypeError for a URL or a schema's name that can't be one, and for an option that there isn't.
 */
export async function createPostgresStore(options: PostgresDatabaseOptions): Promise<void> {
  const { url, schema } = readOptions('createPostgresStore', options, DATABASE_OPTIONS);
  const database = await Database.load({ url, pool: 1, outageMs: 5_000 });
  try {
    await database.outlast(() => makeMissing(database, schema));
  } finally {
    await database.close();
  }
}

/** SQLSTATEs of a schema, table or index that there was not when the statement began. */
const MADE_MEANWHILE = ['23505', '42P06', '42P07', '42710'];

/** Makes what is missing, all of it or nothing. */
async function makeMissing(database: Database, schema: string): Promise<void> {
  try {
    await database.transaction(async (run) => {
      for (const statement of definitions(schema)) await run(statement);
    });
  } catch (error) {
    throw MADE_MEANWHILE.includes(sqlStateOf(error)) ? new MadeMeanwhile(error) : error;
  }
}

function definitions(schema: string): readonly string[] {
  const { store, claims, blocks, parts, tiles, tileParts, state, cursors } = tablesOf(schema);
  return [
    `create schema if not exists "${schema}"`,
    `create table if not exists ${store} (
      id int generated always as identity primary key, name text not null unique, format int not null,
      epoch bigint not null default 0, owner text, lease_until timestamptz,
      version bigint not null default 0, gen int not null default 0, next_gen int not null default 1,
      purged bigint not null default 0, tidied bigint not null default -1,
      checkpoint text, identity text) with (fillfactor = 50)`,
    `create table if not exists ${claims} (
      store int not null, epoch bigint not null, version bigint not null, primary key (store, epoch))`,
    `create table if not exists ${blocks} (
      store int not null, gen int not null, height bigint not null, born bigint not null,
      died bigint not null default ${ALIVE}, hash text not null, prev text not null, ts float8, codec text not null,
      doc_bytes bigint not null, size int not null, crc bigint not null, bytes bytea not null,
      primary key (store, gen, height, born))`,
    `alter table ${blocks} alter column bytes set storage external`,
    `create index if not exists blocks_died on ${blocks} (store, died) where died < ${ALIVE}`,
    `create table if not exists ${parts} (
      store int not null, gen int not null, height bigint not null, born bigint not null, part int not null,
      bytes bytea not null, primary key (store, gen, height, born, part))`,
    `alter table ${parts} alter column bytes set storage external`,
    `create table if not exists ${tiles} (
      store int not null, gen int not null, height bigint not null, born bigint not null,
      died bigint not null default ${ALIVE}, until bigint not null, hash text not null, prev text not null,
      doc_bytes bigint not null, digest text, decided bigint, swept boolean not null, size int not null,
      members text not null, heads bytea not null, crc bigint not null, primary key (store, gen, height, born))`,
    `alter table ${tiles} alter column heads set storage external`,
    `create index if not exists tiles_died on ${tiles} (store, died) where died < ${ALIVE}`,
    `create index if not exists tiles_unswept on ${tiles} (store, gen, height) where not swept`,
    `create table if not exists ${tileParts} (
      store int not null, gen int not null, height bigint not null, born bigint not null, part int not null,
      bytes bytea not null, primary key (store, gen, height, born, part))`,
    `alter table ${tileParts} alter column bytes set storage external`,
    `create table if not exists ${state} (
      store int not null, gen int not null, tbl text not null, key bytea not null, height bigint not null,
      born bigint not null, died bigint not null default ${ALIVE}, value bytea,
      primary key (store, gen, tbl, key, height, born))`,
    `create index if not exists state_died on ${state} (store, died) where died < ${ALIVE}`,
    `create index if not exists state_height on ${state} (store, gen, height)`,
    `create table if not exists ${cursors} (
      store int not null, consumer bytea not null, height bigint not null, hash text not null,
      primary key (store, consumer))`,
    // Form 1 has no tiles, and no other difference.
    `update ${store} set format = ${FORMAT} where format = 1`,
  ];
}
