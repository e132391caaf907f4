// A follower that keeps a row for each block in PostgreSQL. The row and the position are written in one transaction, so
// that each block has its row exactly once, wherever the process ends.
import { type Block, type BlockRef, createSyncEngine } from 'blockferry';
import pg from 'pg';

const [peer = 'http://127.0.0.1:8080/sync', location = './node-b', database] = process.argv.slice(2);

const client = new pg.Client({ connectionString: database });
await client.connect();
await client.query('create table if not exists blocks (height bigint primary key, hash text, author text)');
await client.query('create table if not exists position (id int primary key, height bigint, hash text)');

async function transaction(position: BlockRef, change: () => Promise<unknown>): Promise<void> {
  await client.query('begin');
  try {
    await change();
    await client.query(
      'insert into position values (0, $1, $2) on conflict (id) do update set height = $1, hash = $2',
      [position.height, position.hash],
    );
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

async function lastHandled(): Promise<BlockRef | null> {
  const { rows } = await client.query<{ height: string; hash: string }>('select height, hash from position');
  const [row] = rows;
  return row === undefined ? null : { height: Number(row.height), hash: row.hash };
}

const insert = (block: Block): Promise<void> =>
  transaction(block, () => {
    const { author } = block.json() as { readonly author?: string };
    return client.query('insert into blocks values ($1, $2, $3)', [block.height, block.hash, author]);
  });

const remove = (_dropped: readonly BlockRef[], to: BlockRef): Promise<void> =>
  transaction(to, () => client.query('delete from blocks where height > $1', [to.height]));

await using engine = createSyncEngine({
  peers: [peer],
  storage: { use: 'leveldb', location },
  follow: true,
});
await engine.run(insert, { after: await lastHandled(), onRollback: remove });
