import type { ExecutionContext } from 'ava';
import type { BlockRef, Frame, Storage } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { type ChainConfig, createSyncEngine, openChain, type SyncEngine } from '../../src/index.js';
import { fixtureBatch, fixtureFrames, refOf } from '../../src/testing/fixture-frames.js';
import { postgresTest } from '../helpers/postgres-test.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { serveSource } from '../helpers/servers.js';
import { until } from '../helpers/waiting.js';

const postgres = postgresTest();
const at = (frames: readonly Frame[], index: number): BlockRef => refOf(frames[index] as Frame);
const auto = (t: ExecutionContext, name: string): Promise<Storage> =>
  postgres.opened(t, name, { role: 'auto', leaseMs: 1000 });
const isAt = (store: Storage, ref: BlockRef) => (): boolean => store.checkpoint().head?.hash === ref.hash;

/** Ends a writer's lease as if it had stood still for so long, and keeps it from renewing it. */
const takeAway = (name: string): Promise<unknown> =>
  postgres.query(`update blockferry.store set owner = 'another', epoch = epoch + 1,
    lease_until = now() + interval '1 s' where name = '${name}'`);

postgres.test(
  'Of two that stand by, one writes and the other reads, and takes over when the first is closed',
  async (t) => {
    const [first, second] = [await auto(t, 'closed'), await auto(t, 'closed')];
    t.deepEqual([first.roles?.now, second.roles?.now], ['writer', 'reader']);
    const roles: string[] = [];
    second.roles?.watch((role) => roles.push(role));
    const told: string[] = [];
    second.watch?.((change) => {
      if (change?.kind === 'extend') told.push(...change.frames.map(({ header }) => header.hash));
    });
    const frames = fixtureFrames(6);
    await first.commit(fixtureBatch(frames.slice(0, 4)));
    const write = (): Promise<void> => second.commit(fixtureBatch(frames.slice(4)));
    t.true(isSyncError(await t.throwsAsync(write), 'STORE_READ_ONLY'));
    t.true(isSyncError(await t.throwsAsync(() => second.setCursor('one', at(frames, 0))), 'STORE_READ_ONLY'));
    await first.close();
    await until(() => second.roles?.now === 'writer');
    t.deepEqual(second.checkpoint().head, at(frames, 3));
    await write();
    t.deepEqual(roles, ['writer']);
    t.deepEqual(
      told,
      frames.slice(0, 4).map(({ header }) => header.hash),
    );
    t.is(second.lag?.(), null);
    const third = await auto(t, 'closed');
    t.is(third.roles?.now, 'reader');
    t.deepEqual(third.checkpoint().head, at(frames, 5));
  },
);

postgres.test(
  'A writer that stands by and was taken over reads on from what it wrote, and writes again when it is its turn',
  async (t) => {
    const store = await auto(t, 'over');
    const frames = fixtureFrames(8);
    await store.commit(fixtureBatch(frames.slice(0, 4)));
    const changes: string[] = [];
    store.watch?.((change) => {
      if (change?.kind === 'rollback') changes.push(`to ${change.to.height}`);
      if (change?.kind === 'extend')
        changes.push(...change.frames.map(({ header }) => `${header.height} ${header.hash}`));
    });
    await takeAway('over');
    const error = await t.throwsAsync(() => store.commit(fixtureBatch(frames.slice(4))));
    t.true(isSyncError(error, 'STORE_LOCKED'), String(error));
    t.is(store.roles?.now, 'reader');
    t.deepEqual(store.checkpoint().head, at(frames, 3));
    // The other one goes back and goes on, and ends.
    let next: Storage | null = null;
    await until(async () => {
      const candidate = postgres.store('over', { leaseMs: 60_000 });
      try {
        await candidate.open();
        next = candidate;
      } catch (failure) {
        if (!isSyncError(failure, 'STORE_LOCKED')) throw failure;
        // It was quicker itself.
        if (store.roles?.now === 'writer') await takeAway('over');
      }
      return next !== null;
    });
    const other = next as unknown as Storage;
    t.teardown(() => other.close());
    const branch = fixtureFrames(3, { on: at(frames, 1), branch: 'other' });
    await other.commit({ ...fixtureBatch(branch), rollbackTo: at(frames, 1) });
    await until(isAt(store, at(branch, 2)));
    t.is(changes[0], 'to 1');
    t.deepEqual(
      changes.slice(1),
      branch.map(({ header }) => `${header.height} ${header.hash}`),
    );
    await other.close();
    await until(() => store.roles?.now === 'writer');
    await store.commit(fixtureBatch(fixtureFrames(1, { on: at(branch, 2) })));
  },
);

postgres.test('A writer that is idle learns that it was taken over without a write', async (t) => {
  const store = await auto(t, 'idle');
  const roles: string[] = [];
  store.roles?.watch((role) => roles.push(role));
  await takeAway('idle');
  await until(() => roles.length >= 2);
  t.deepEqual(roles.slice(0, 2), ['reader', 'writer']);
});

function engineOn(
  t: ExecutionContext,
  storage: ChainConfig['storage'],
  peer: string,
): { readonly engine: SyncEngine; readonly heights: number[]; readonly ended: Promise<void> } {
  const engine = createSyncEngine({ peers: [peer], storage, follow: true, headCheckMs: 1000 });
  const heights: number[] = [];
  const ended = engine.run((block) => {
    heights.push(block.height);
  });
  ended.catch(() => undefined);
  t.teardown(() => engine.close());
  return { engine, heights, ended };
}

postgres.test(
  'Of two engines on one store the one that writes follows the peer and feeds its handler; the other serves what it wrote, and goes on from there when it is closed',
  async (t) => {
    const documents = sealedChain(60);
    const origin = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json' });
    t.teardown(() => origin.close());
    await origin.append(documents.slice(0, 30));
    const peer = `${await serveSource(t, origin)}/sync`;
    const storage = {
      use: 'postgres',
      url: postgres.server().url,
      store: 'engines',
      durability: 'primary',
      role: 'auto',
      leaseMs: 1000,
    } as const;
    const one = engineOn(t, storage, peer);
    await until(() => one.heights.length === 30);
    const two = engineOn(t, storage, peer);
    await until(() => two.engine.state.phase === 'standby');
    const chain = await two.engine.opened();
    t.is(chain.role, 'reader');
    await origin.append(documents.slice(30, 40));
    await until(() => one.heights.length === 40 && chain.tip().head?.height === 39);
    t.deepEqual(two.heights, []);
    t.is(two.engine.state.checkpoint?.head?.height, 39);
    await one.engine.close();
    await one.ended;
    await origin.append(documents.slice(40, 60));
    await until(() => two.heights.at(-1) === 59);
    t.is(chain.role, 'writer');
    t.deepEqual(
      two.heights,
      Array.from({ length: 20 }, (_, index) => 40 + index),
    );
    // Another process takes over for a time: the engine stands by, and goes on.
    await takeAway('engines');
    await until(() => two.engine.state.phase === 'standby');
    await until(() => two.engine.state.phase === 'synced');
    await two.engine.close();
    await t.notThrowsAsync(two.ended);
  },
);

postgres.test('An engine that is closed while it stands by ends without an error', async (t) => {
  const storage = { use: 'postgres', url: postgres.server().url, store: 'brief' } as const;
  await postgres.opened(t, 'brief', { leaseMs: 60_000 });
  const { engine, ended } = engineOn(
    t,
    { ...storage, durability: 'primary', role: 'auto' },
    'http://127.0.0.1:9/sync',
  );
  await until(() => engine.state.phase === 'standby');
  await engine.close();
  await t.notThrowsAsync(ended);
});

postgres.test('A reader listens where `listenUrl` says, and reads where `url` does', async (t) => {
  await postgres.query('create role listens login');
  const writer = await postgres.opened(t, 'listened', { leaseMs: 60_000 });
  const listenUrl = postgres.server().url.replace('postgres@', 'listens@');
  const reader = await postgres.opened(t, 'listened', { role: 'reader', listenUrl });
  const listeners = (): Promise<readonly { usename: string }[]> =>
    postgres.query(`select usename from pg_stat_activity where query = 'listen blockferry'`);
  await until(async () => (await listeners()).length > 0);
  t.deepEqual(await listeners(), [{ usename: 'listens' }]);
  const frames = fixtureFrames(2);
  await writer.commit(fixtureBatch(frames));
  await until(isAt(reader, at(frames, 1)));
});
