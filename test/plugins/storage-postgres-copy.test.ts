import { randomBytes } from 'node:crypto';
import test from 'ava';
import pg from 'pg';
import { copyOut } from '../../plugins/storage-postgres/copy-out.js';
import { type BinaryRow, CopyRows } from '../../plugins/storage-postgres/copy-rows.js';
import { postgresTest } from '../helpers/postgres-test.js';

const postgres = postgresTest();

async function connected<T>(step: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const pool = new pg.Pool({ connectionString: postgres.server().url, max: 1, query_timeout: 10_000 });
  const client = await pool.connect();
  client.on('error', () => undefined);
  try {
    return await step(client);
  } finally {
    client.release();
    await pool.end();
  }
}

/** What the server copies, in the binary form that its manual has. */
function copied(rows: readonly BinaryRow[]): Buffer {
  const int16 = (value: number): Buffer => {
    const bytes = Buffer.alloc(2);
    bytes.writeInt16BE(value);
    return bytes;
  };
  const field = (value: Buffer | null): readonly Buffer[] => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(value === null ? -1 : value.byteLength);
    return value === null ? [length] : [length, value];
  };
  const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
  const pieces = rows.flatMap((row) => [int16(row.length), ...row.flatMap(field)]);
  return Buffer.concat([header, ...pieces, int16(-1)]);
}

test('Rows are put together from pieces that end anywhere', (t) => {
  const rows = [[Buffer.from('one'), null, Buffer.alloc(0)], [randomBytes(100)], [Buffer.alloc(0), null]];
  const bytes = copied(rows);
  for (const size of [1, 2, 3, 7, 64, bytes.byteLength]) {
    const found: BinaryRow[] = [];
    const reader = new CopyRows((row) => found.push(row));
    for (let at = 0; at < bytes.byteLength; at += size) reader.push(bytes.subarray(at, at + size));
    t.deepEqual(found, rows, `pieces of ${size}`);
  }
});

postgres.test('Rows come as the server has them, and its notices among them do no harm', async (t) => {
  await postgres.query(`create function told(n int) returns bytea language plpgsql as $$
    begin raise warning 'row %', n; return decode(repeat(lpad(to_hex(n % 256), 2, '0'), n), 'hex'); end $$`);
  const lengths: number[] = [];
  const heard: string[] = [];
  const sum = await connected(async (client) => {
    client.on('notice', ({ message }) => heard.push(message ?? ''));
    const sql = 'select told(n * 1000), null::int from generate_series(0, 60) n';
    await copyOut(client, sql, ([bytes, none]) => {
      if (none === null && bytes?.every((byte) => byte === bytes.byteLength % 256))
        lengths.push(bytes.byteLength);
    });
    const { rows } = await client.query<{ sum: number }>('select 1 + 1 as sum');
    return rows[0]?.sum;
  });
  t.deepEqual(
    lengths,
    Array.from({ length: 61 }, (_, n) => n * 1000),
  );
  t.deepEqual(
    heard,
    Array.from({ length: 61 }, (_, n) => `row ${n * 1000}`),
  );
  t.is(sum, 2);
});

postgres.test(
  'What the server refuses on the way is its error, and the connection can be used again',
  async (t) => {
    let rows = 0;
    await connected(async (client) => {
      const sql = `select 1 / (300 - n), repeat('x', 10000) from generate_series(1, 400) n`;
      await t.throwsAsync(
        copyOut(client, sql, () => rows++),
        { code: '22012' },
      );
      await t.throwsAsync(
        copyOut(client, 'select nothing', () => rows++),
        { code: '42703' },
      );
      t.deepEqual((await client.query('select 7 as n')).rows, [{ n: 7 }]);
    });
    t.is(rows, 299);
  },
);

postgres.test('A connection that is lost on the way is an error', async (t) => {
  await connected(async (client) => {
    const sql = `select pg_terminate_backend(pg_backend_pid()) from (select repeat('x', 100000)) x`;
    await t.throwsAsync(copyOut(client, sql, () => undefined));
  });
});
