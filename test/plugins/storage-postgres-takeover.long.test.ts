import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import pg from 'pg';
import type { BlockRef, Frame, Storage } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { fixtureBatch, fixtureFrames, refOf } from '../../src/testing/fixture-frames.js';
import { cuttingProxy } from '../helpers/cutting-proxy.js';
import { postgresTest } from '../helpers/postgres-test.js';
import { projectRoot } from '../helpers/shared.js';
import { until } from '../helpers/waiting.js';

const postgres = postgresTest();
const at = (frames: readonly Frame[], index: number): BlockRef => refOf(frames[index] as Frame);

/** Opens a store as soon as its lease lets it. */
async function takenOver(t: ExecutionContext, name: string): Promise<Storage> {
  const storage = postgres.store(name, { leaseMs: 60_000 });
  t.teardown(() => storage.close());
  await until(async () => {
    try {
      await storage.open();
      return true;
    } catch (error) {
      if (isSyncError(error, 'STORE_LOCKED')) return false;
      throw error;
    }
  });
  return storage;
}

const frames = fixtureFrames(6);

postgres.test('A writer renews its lease while it is idle', async (t) => {
  await postgres.opened(t, 'idle', { leaseMs: 1000 });
  const lease = async (): Promise<number> =>
    Number(
      (
        await postgres.query<{ until: string }>(
          `select extract(epoch from lease_until) as until from blockferry.store where name = 'idle'`,
        )
      )[0]?.until,
    );
  const first = await lease();
  await until(async () => (await lease()) > first + 1);
  t.true(isSyncError(await t.throwsAsync(() => postgres.store('idle').open()), 'STORE_LOCKED'));
});

interface Told {
  readonly head?: BlockRef;
  readonly code?: string;
}

function writerProcess(
  t: ExecutionContext,
  store: string,
): { readonly child: ChildProcess; readonly told: Told[] } {
  const path = join(projectRoot, 'dist', 'test', 'helpers', 'postgres-writer-process.js');
  const child = fork(path, [postgres.server().url, store, 'old', postgres.server().durability]);
  const told: Told[] = [];
  child.on('message', (message: Told) => told.push(message));
  t.teardown(() => child.kill('SIGKILL'));
  return { child, told };
}

postgres.test(
  'A writer that was stopped is taken over after its lease, loses nothing that it acknowledged, and is STORE_LOCKED when it goes on',
  async (t) => {
    const { child, told } = writerProcess(t, 'stopped');
    await until(() => told.length > 10);
    child.kill('SIGSTOP');
    const next = await takenOver(t, 'stopped');
    const last = told.at(-1)?.head as BlockRef;
    t.true((next.checkpoint().head?.height ?? -1) >= last.height);
    t.is((await next.header(last.height))?.hash, last.hash);
    const own = fixtureFrames(3, { on: next.checkpoint().head, branch: 'next' });
    await next.commit(fixtureBatch(own));
    child.kill('SIGCONT');
    await until(() => told.at(-1)?.code !== undefined);
    t.is(told.at(-1)?.code, 'STORE_LOCKED');
    t.deepEqual(next.checkpoint().head, at(own, 2));
    t.is((await next.header(at(own, 0).height))?.hash, at(own, 0).hash);
  },
);

postgres.test(
  'A writer that is gone in the middle of a write, whose connection is left, does not keep the next one out',
  async (t) => {
    const store = await postgres.opened(t, 'left', { leaseMs: 1000 });
    await store.commit(fixtureBatch(frames.slice(0, 2)));
    await store.close();
    // As one whose machine lost its power: the server has heard nothing of it, and holds its transaction.
    const client = new pg.Client({ connectionString: postgres.server().url });
    client.on('error', () => undefined);
    await client.connect();
    await client.query(`update blockferry.store set owner = 'gone', epoch = epoch + 1,
    lease_until = now() + interval '500 ms' where name = 'left'`);
    await client.query('begin');
    await client.query(`update blockferry.store set version = version + 1 where name = 'left'`);
    const next = await takenOver(t, 'left');
    t.deepEqual(next.checkpoint().head, at(frames, 1));
    await next.commit(fixtureBatch(frames.slice(2)));
    await client.end().catch(() => undefined);
  },
);

postgres.test(
  'What is refused after the answer to an earlier try was lost is STORE_UNAVAILABLE, and the next write is not taken for it',
  async (t) => {
    const proxy = await cuttingProxy(postgres.server().port);
    t.teardown(() => proxy.close());
    const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
    const store = await postgres.opened(t, 'refused', { url });
    await store.commit(fixtureBatch(frames.slice(0, 2)));
    // The first try is written, and the second one is refused.
    await postgres.query(`create function blockferry.refuse() returns trigger language plpgsql as $$ begin
      if exists (select from blockferry.store where name = 'refused' and checkpoint like '%"height":3,%') then
        raise exception 'no more'; end if; return null; end $$;
      create trigger refuse before update on blockferry.store for each statement execute function blockferry.refuse()`);
    proxy.cut('after-commit', 1);
    const error = await t.throwsAsync(() => store.commit(fixtureBatch(frames.slice(2, 4))));
    await postgres.query('drop function blockferry.refuse() cascade');
    t.is(proxy.cuts(), 1);
    t.true(isSyncError(error, 'STORE_UNAVAILABLE'), String(error));
    await t.throwsAsync(() => store.advance({ confirmed: at(frames, 1), finalized: null }));
    await store.close();
    const next = await takenOver(t, 'refused');
    t.deepEqual(next.checkpoint().head, at(frames, 3));
    await next.commit(fixtureBatch(frames.slice(4)));
    t.deepEqual(next.checkpoint().head, at(frames, 5));
  },
);

postgres.test(
  'A server that is killed and comes again while blocks are written loses none that was acknowledged, and the writer goes on',
  async (t) => {
    const server = postgres.server();
    const store = await postgres.opened(t, 'killed');
    const acknowledged: BlockRef[] = [];
    const work = { isOver: false };
    const writing = (async () => {
      while (!work.isOver) {
        const added = fixtureFrames(2, { on: acknowledged.at(-1) ?? null, branch: `${Math.random()}` });
        await store.commit(fixtureBatch(added));
        acknowledged.push(...added.map(refOf));
      }
    })();
    for (let round = 0; round < 3; round++) {
      const before = acknowledged.length;
      await until(() => acknowledged.length > before + 40);
      server.kill();
      await server.restart();
    }
    const before = acknowledged.length;
    await until(() => acknowledged.length > before + 10);
    work.isOver = true;
    await writing;
    const stored: BlockRef[] = [];
    for await (const batch of store.read({ from: 0, to: Number.MAX_SAFE_INTEGER }))
      stored.push(...batch.map(refOf));
    t.deepEqual(stored, acknowledged);
  },
);

postgres.test(
  'Writes that wait behind one that ends the writer fail as it does, and ask nothing',
  async (t) => {
    const proxy = await cuttingProxy(postgres.server().port);
    const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
    const store = await postgres.opened(t, 'waiting', { url, outageMs: 300 });
    await store.commit(fixtureBatch(frames.slice(0, 2)));
    await proxy.close();
    const writes = [
      store.commit(fixtureBatch(frames.slice(2))),
      store.rollback(at(frames, 0)),
      store.commit({ ...fixtureBatch(frames.slice(1)), rollbackTo: at(frames, 0) }),
    ];
    const errors = await Promise.all(writes.map(async (write) => t.throwsAsync<Error>(write)));
    t.true(isSyncError(errors[0], 'STORE_UNAVAILABLE'));
    t.is(new Set(errors).size, 1);
  },
);

postgres.test(
  'A write fails with STORE_UNAVAILABLE when the server stays away for longer than outageMs, and the store is as it was acknowledged when it is opened again',
  async (t) => {
    const proxy = await cuttingProxy(postgres.server().port);
    const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
    const store = await postgres.opened(t, 'away', { url, outageMs: 300 });
    await store.commit(fixtureBatch(frames.slice(0, 2)));
    await proxy.close();
    for (const call of [() => store.commit(fixtureBatch(frames.slice(2))), () => store.get(1)])
      t.true(isSyncError(await t.throwsAsync(call), 'STORE_UNAVAILABLE'));
    await store.close();
    const next = await takenOver(t, 'away');
    t.deepEqual(next.checkpoint().head, at(frames, 1));
  },
);
