import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { postgresStorage } from '../../plugins/storage-postgres/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { fixtureBatch, fixtureFrames } from '../../src/testing/fixture-frames.js';
import { postgresTest } from '../helpers/postgres-test.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';

const postgres = postgresTest();

/** A message of a server. */
function message(type: string, ...body: readonly (string | readonly number[])[]): Buffer {
  const bytes = Buffer.concat(
    body.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))),
  );
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(bytes.byteLength + 4, 1);
  return Buffer.concat([head, bytes]);
}

const LETS_IN = Buffer.concat([message('R', [0, 0, 0, 0]), message('Z', 'I')]);
const ASKS_FOR_SCRAM = message('R', [0, 0, 0, 10], 'SCRAM-SHA-256\0\0');

/** A server that gives one answer to each thing that it hears, and then says no more. @returns its URL */
async function scripted(
  t: ExecutionContext,
  answers: readonly Buffer[],
  heard?: () => void,
): Promise<string> {
  const server = createServer((socket) => {
    const left = [...answers];
    socket.on('error', () => undefined);
    socket.on('data', () => {
      const answer = left.shift();
      if (answer === undefined) heard?.();
      else socket.write(answer);
    });
    t.teardown(() => socket.destroy());
  }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  return `postgres://node:hidden@127.0.0.1:${(server.address() as AddressInfo).port}/chain`;
}

/** Less than a statement has, by far longer than connections have to say goodbye. */
const PATIENCE_MS = 8_000;

for (const [what, answers] of [
  ['takes the connection and says nothing', []],
  ['lets the client in and says nothing', [LETS_IN]],
] as const)
  for (const role of ['writer', 'reader'] as const)
    test(`A ${role} that is closed while it is opened does not wait for a server that ${what}`, async (t) => {
      let isStalled = false;
      const url = await scripted(t, answers, () => {
        isStalled = true;
      });
      const store = postgresStorage({ url, role, durability: 'primary' }).create();
      const opening = t.throwsAsync(() => store.open());
      await until(() => isStalled);
      t.is(await Promise.race([store.close(), delay(PATIENCE_MS, 'it waits', { ref: false })]), undefined);
      t.true(isSyncError(await opening, 'ABORTED'));
    });

for (const [what, answers] of [
  ['missing', [ASKS_FOR_SCRAM, message('R', [0, 0, 0, 11], 'r=x')]],
  ['wrong', [message('R', [0, 0, 0, 3]), message('E', 'SFATAL\0VFATAL\0C28P01\0Mpassword failed\0\0')]],
] as const)
  test(`A password that is ${what} is STORE_IO, which says where it comes from and does not show it`, async (t) => {
    const url = await scripted(t, answers);
    const store = postgresStorage({ url, role: 'reader' }).create();
    const error = await t.throwsAsync(() => store.open());
    t.true(isSyncError(error, 'STORE_IO'), String(error));
    t.regex(String(error), /PGPASSWORD/);
    t.notRegex(String(error), /hidden/);
  });

test('A way to sign in that the client does not know is an error of the opening', async (t) => {
  const url = await scripted(t, [message('R', [0, 0, 0, 7])]);
  const store = postgresStorage({ url, role: 'reader', outageMs: 1 }).create();
  const error = await t.throwsAsync(() => store.open());
  t.true(isSyncError(error, 'STORE_UNAVAILABLE'), String(error));
  t.regex(String(error), /Unknown authentication/i);
});

postgres.test('An opening that is called off, whenever that is, keeps no other writer out', async (t) => {
  await (await postgres.opened(t, 'called off')).close();
  for (let round = 0; round < 20; round++) {
    const abort = new AbortController();
    const store = postgres.store('called off', { leaseMs: 60_000 });
    const opening = store.open({ signal: abort.signal }).then(
      () => null,
      (error: unknown) => error,
    );
    await delay(round * 2);
    abort.abort();
    const error = await opening;
    t.true(error === null || isSyncError(error, 'ABORTED'), String(error));
    if (error === null) await store.close();
    const next = postgres.store('called off', { leaseMs: 60_000 });
    await next.open();
    await next.close();
  }
});

postgres.test(
  'A reader whose certificate is missing for a moment, while it has to listen again, goes on',
  async (t) => {
    const file = join(tempDir(t), 'ca.pem');
    writeFileSync(file, '');
    const writer = await postgres.opened(t, 'rotated');
    const url = `${postgres.server().url}?sslmode=disable&sslrootcert=${file}`;
    const store = await postgres.opened(t, 'rotated', { role: 'reader', url });
    const listening = (): Promise<readonly { pid: number }[]> =>
      postgres.query(`select pid from pg_stat_activity where query like 'listen%'`);
    await until(async () => (await listening()).length === 1);
    renameSync(file, `${file}.away`);
    await postgres.query(`select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%'`);
    // It tries again a second later.
    await delay(2_500);
    t.is((await listening()).length, 0);
    renameSync(`${file}.away`, file);
    await until(async () => (await listening()).length === 1);
    const frames = fixtureFrames(1);
    await writer.commit(fixtureBatch(frames));
    await until(() => store.checkpoint().head?.height === 0);
  },
  ['pooler'],
);
