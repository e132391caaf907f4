import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import pg from 'pg';
import { copyOut } from '../../plugins/storage-postgres/copy-out.js';
import { type BinaryRow, CopyRows } from '../../plugins/storage-postgres/copy-rows.js';
import { GuardedSocket } from '../../plugins/storage-postgres/guarded-socket.js';
import { certificate } from '../helpers/certificates.js';
import { postgresUser } from '../helpers/postgres-programs.js';
import { postgresTest } from '../helpers/postgres-test.js';

const directory = mkdtempSync(join(tmpdir(), 'blockferry-pg-tls-'));
test.after.always(() => {
  rmSync(directory, { recursive: true, force: true });
});
const postgres = postgresTest(['ssl=on', ...certificateSettings()]);

/** Ways to connect: as stores do, and as the client does by itself. */
const WAYS: Readonly<Record<string, pg.PoolConfig>> = {
  'a socket of stores': { stream: () => new GuardedSocket() },
  'a socket of stores, with TLS': {
    stream: () => new GuardedSocket(),
    ssl: { rejectUnauthorized: false },
  },
  'any other socket': {},
};

/** A certificate that the server may read alone, as it wants its key. */
function certificateSettings(): readonly string[] {
  const { pem, secret } = certificate({ name: ['localhost', 'test'], issuer: null });
  const files = { cert: pem, key: secret.export({ type: 'pkcs8', format: 'pem' }).toString() };
  const user = postgresUser();
  chmodSync(directory, 0o755);
  return Object.entries(files).map(([what, text]) => {
    const path = join(directory, what);
    writeFileSync(path, text, { mode: 0o600 });
    if (user !== null) chownSync(path, user.uid, user.gid);
    return `ssl_${what}_file=${path}`;
  });
}

async function connected<T>(
  step: (client: pg.PoolClient) => Promise<T>,
  way: pg.PoolConfig = WAYS['a socket of stores'] ?? {},
): Promise<T> {
  const connectionString = postgres.server().url;
  const pool = new pg.Pool({ connectionString, max: 1, query_timeout: 10_000, ...way });
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

test('A large field is read right into its memory, what is around it is not', (t) => {
  const rows = [
    [Buffer.from('one'), randomBytes(40_000)],
    [randomBytes(16_384)],
    [null, randomBytes(16_383)],
  ];
  const bytes = copied(rows);
  for (const most of [20_000, 50_000]) {
    const found: BinaryRow[] = [];
    const rooms = readWithRoom(bytes, most, (row) => found.push(row));
    t.deepEqual(found, rows);
    // After 20,000 of 40,000 bytes there are 20,000 left; 16,383 are too few.
    t.is(rooms.length, most === 20_000 ? 3 : 2);
    t.is(rooms[0]?.buffer, found[0]?.[1]?.buffer);
  }
});

/** Hands bytes over as a socket does: as many as there is room for at once, else one by one. @returns the rooms */
function readWithRoom(bytes: Buffer, most: number, onRow: (row: BinaryRow) => void): readonly Buffer[] {
  const reader = new CopyRows(onRow);
  const rooms: Buffer[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    const room = reader.room(bytes.byteLength - at)?.subarray(0, most);
    if (room === undefined) reader.push(bytes.subarray(at, ++at));
    else {
      rooms.push(room);
      bytes.copy(room, 0, at);
      reader.filled(room.byteLength);
      at += room.byteLength;
    }
  }
  return rooms;
}

/** Counts what comes as chunks. */
class ChunkCounter extends GuardedSocket {
  bytes = 0;

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'data' && args[0] instanceof Uint8Array) this.bytes += args[0].byteLength;
    return super.emit(event, ...args);
  }
}

postgres.test('Most of large rows does not come as chunks through a socket of stores', async (t) => {
  const socket = new ChunkCounter();
  let bytes = 0;
  await connected(
    async (client) => {
      const sql = `select convert_to(repeat('x', 1000000), 'utf8') from generate_series(1, 10)`;
      await copyOut(client, sql, ([row]) => (bytes += row?.byteLength ?? 0));
    },
    { stream: () => socket },
  );
  t.is(bytes, 10_000_000);
  t.true(socket.bytes < bytes / 4, `${socket.bytes} bytes came as chunks`);
});

postgres.test('Rows come as the server has them, and its notices among them do no harm', async (t) => {
  await postgres.query(`create function told(n int) returns bytea language plpgsql as $$
    begin raise warning 'row %', n; return decode(repeat(lpad(to_hex(n % 256), 2, '0'), n), 'hex'); end $$`);
  for (const [title, way] of Object.entries(WAYS)) await rowsCome(t, title, way);
});

async function rowsCome(t: ExecutionContext, title: string, way: pg.PoolConfig): Promise<void> {
  const lengths: number[] = [];
  const heard: string[] = [];
  const rows = await connected(async (client) => {
    client.on('notice', ({ message }) => heard.push(message ?? ''));
    const sql = 'select told(n * 1000), null::int from generate_series(0, 60) n';
    await copyOut(client, sql, ([bytes, none]) => {
      if (none === null && bytes?.every((byte) => byte === bytes.byteLength % 256))
        lengths.push(bytes.byteLength);
    });
    const after = `select repeat('x', 300000) as long, ssl from pg_stat_ssl where pid = pg_backend_pid()`;
    return (await client.query<{ long: string; ssl: boolean }>(after)).rows;
  }, way);
  const thousands = Array.from({ length: 61 }, (_, n) => n * 1000);
  t.deepEqual(lengths, thousands, title);
  t.deepEqual(
    heard,
    thousands.map((n) => `row ${n}`),
    title,
  );
  t.deepEqual(rows, [{ long: 'x'.repeat(300_000), ssl: 'ssl' in way }], title);
}

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
