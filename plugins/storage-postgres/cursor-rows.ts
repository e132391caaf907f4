import type { BlockRef } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import type { Ask, Database, Run } from './database.js';
import { sqlStateOf } from './errors.js';
import type { Tables } from './schema.js';

/** A consumer's position; `null` when it has none. */
export async function readCursor(
  run: Ask,
  { cursors }: Tables,
  store: number,
  consumer: string,
): Promise<BlockRef | null> {
  const sql = `select height, hash from ${cursors} where store = $1 and consumer = $2`;
  const [row] = await run<{ readonly height: string; readonly hash: string }>(sql, [
    store,
    Buffer.from(consumer),
  ]);
  return row === undefined ? null : { height: Number(row.height), hash: row.hash };
}

/** Saves a consumer's position. */
export async function writeCursor(
  run: Run,
  { cursors }: Tables,
  store: number,
  { consumer, ref }: { readonly consumer: string; readonly ref: BlockRef },
): Promise<void> {
  const sql = `insert into ${cursors} (store, consumer, height, hash) values ($1, $2, $3, $4)
    on conflict (store, consumer) do update set height = excluded.height, hash = excluded.hash`;
  await run(sql, [store, Buffer.from(consumer), ref.height, ref.hash]);
}

/** SQLSTATEs of a role, and of a server, that only read. */
const READ_ONLY = ['42501', '25006'];

/**
 * Saves the position of a consumer of a process that does not write the store, which no other process has.
 *
 * @throws SyncError `STORE_READ_ONLY` when its role, or the server, does not let it.
 */
export function setOwnCursor(
  database: Database,
  tables: Tables,
  store: number,
  cursor: { readonly consumer: string; readonly ref: BlockRef },
): Promise<void> {
  return database.outlast(async () => {
    try {
      await database.transaction((run) => writeCursor(run, tables, store, cursor));
    } catch (cause) {
      if (!READ_ONLY.includes(sqlStateOf(cause))) throw cause;
      const message =
        'The role of this reader, or its server, can only read: it keeps no positions of consumers.';
      throw new SyncError('STORE_READ_ONLY', message, { cause });
    }
  });
}
