import type { BlockRef } from '../../src/contracts/index.js';
import type { Run } from './database.js';
import type { Tables } from './schema.js';

/** A consumer's position; `null` when it has none. */
export async function readCursor(
  run: Run,
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
