import test, { type ExecutionContext } from 'ava';
import {
  createPostgresStore,
  postgresStorage,
  type PostgresStorageOptions,
} from '../../plugins/storage-postgres/index.js';
import type { Storage } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { readAll } from '../../src/testing/compliance/storage-kit.js';
import { fixtureBatch, fixtureFrames, refOf } from '../../src/testing/fixture-frames.js';
import { ask, PostgresCluster } from '../helpers/postgres-cluster.js';
import { ONLY_READS } from '../helpers/postgres-fixture.js';
import { postgresPrograms } from '../helpers/postgres-programs.js';
import { until } from '../helpers/waiting.js';

const bin = postgresPrograms();
const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };
const NAMES = `synchronous_standby_names = 'ANY 1 (*)'`;
const NO_NAMES = `synchronous_standby_names = ''`;

/** Registers a test of a primary and a standby that confirms what that writes. */
function clusterTest(
  title: string,
  run: (t: ExecutionContext, cluster: PostgresCluster) => Promise<void>,
): void {
  if (bin === null) {
    test.skip(`${title} (skipped: PostgreSQL is not installed)`, () => undefined);
    return;
  }
  test.serial(title, async (t) => {
    const cluster = await PostgresCluster.start(bin, { settings: ['max_standby_streaming_delay=0'] });
    t.teardown(() => cluster.stop());
    await createPostgresStore({ url: cluster.primary.url });
    await run(t, cluster);
  });
}

async function opened(
  t: ExecutionContext,
  url: string,
  options: Partial<PostgresStorageOptions> = {},
): Promise<Storage> {
  const storage = postgresStorage({ url, store: 'main', pool: 3, leaseMs: 60_000, ...options }).create();
  t.teardown(() => storage.close());
  await storage.open();
  return storage;
}

interface Waiting {
  readonly pid: number;
  readonly version: string;
}

/** Connections whose commit waits for the standby, and the version of the store that others see meanwhile. */
const waiting = (cluster: PostgresCluster): Promise<readonly Waiting[]> =>
  ask<Waiting>(
    cluster.primary,
    `select pid, (select version from blockferry.store) as version from pg_stat_activity where wait_event = 'SyncRep'`,
  );

clusterTest(
  'A commit whose wait for the standby was called off is not acknowledged, and is done once more where it was lost',
  async (t, cluster) => {
    const store = await opened(t, cluster.url());
    const frames = fixtureFrames(3);
    await store.commit(fixtureBatch(frames.slice(0, 2)));
    const before = Number(
      (await ask<Waiting>(cluster.primary, 'select version from blockferry.store'))[0]?.version,
    );
    const [standby] = cluster.standbys;
    standby?.freeze();
    let isAcknowledged = false;
    const committing = store.commit(fixtureBatch(frames.slice(2))).then(() => {
      isAcknowledged = true;
    });
    await until(async () => {
      // What is told of the store is seen only once the first wait is over; the store then waits once more.
      const [one] = await waiting(cluster);
      if (one === undefined || Number(one.version) > before) return one !== undefined;
      await ask(cluster.primary, `select pg_cancel_backend(${one.pid})`);
      return false;
    });
    t.false(isAcknowledged);
    t.is(store.checkpoint().head?.height, 1);
    // The standby loses what it has not received.
    cluster.primary.kill();
    standby?.kill();
    await standby?.restart();
    const old = await cluster.promote(await cluster.next());
    t.is((await ask(cluster.primary, 'select from blockferry.blocks')).length, 2);
    await cluster.rejoin(old);
    await committing;
    t.deepEqual((await readAll(store, ALL)).map(refOf), frames.map(refOf));
    t.is((await ask(cluster.primary, 'select from blockferry.blocks')).length, 3);
  },
);

clusterTest(
  'A server that lost its list of standbys acknowledges nothing, and goes on when it has one again',
  async (t, cluster) => {
    const store = await opened(t, cluster.primary.url, { outageMs: 1_000 });
    const frames = fixtureFrames(3);
    await store.commit(fixtureBatch(frames.slice(0, 1)));
    const isSet = (names: string) => async (): Promise<boolean> =>
      (
        await ask<{ names: string }>(
          cluster.primary,
          `select current_setting('synchronous_standby_names') as names`,
        )
      )[0]?.names === names;
    cluster.primary.reload(NO_NAMES);
    await until(isSet(''));
    const error = await t.throwsAsync(() => store.commit(fixtureBatch(frames.slice(1, 2))));
    t.true(isSyncError(error, 'STORE_UNAVAILABLE'), String(error));
    t.regex(String(error), /synchronous_standby_names/);
    cluster.primary.reload(NAMES);
    await until(isSet('ANY 1 (*)'));
    await store.close();
    await ask(cluster.primary, 'update blockferry.store set lease_until = null');
    const next = await opened(t, cluster.url());
    t.is(next.checkpoint().head?.height, 0);
    await next.commit(fixtureBatch(frames.slice(1)));
    t.is(next.checkpoint().head?.height, 2);
  },
);

clusterTest(
  'A primary that says nothing any more is passed over, also by connections that it has',
  async (t, cluster) => {
    // Less than a statement may take that is answered late.
    const store = await opened(t, cluster.url(), { durability: 'primary', outageMs: 9_000 });
    const frames = fixtureFrames(2);
    await store.commit(fixtureBatch(frames.slice(0, 1)));
    const [standby] = cluster.standbys;
    standby?.reload(NO_NAMES);
    cluster.primary.freeze();
    await standby?.promote();
    await store.commit(fixtureBatch(frames.slice(1)));
    t.is(store.checkpoint().head?.height, 1);
    t.is((await ask(standby ?? cluster.primary, 'select from blockferry.blocks')).length, 2);
  },
);

clusterTest(
  'Reads and views on a hot standby that recovery cancels go on from their last row',
  async (t, cluster) => {
    const [standby] = cluster.standbys;
    if (standby === undefined) throw new Error('There is no standby.');
    const writer = await opened(t, cluster.primary.url);
    const frames = fixtureFrames(40, { bytes: 200_000 });
    await writer.commit(fixtureBatch(frames));
    await ask(cluster.primary, ONLY_READS);
    const roles = `select from pg_roles where rolname = 'only_reads'`;
    await until(async () => (await ask(standby, roles)).length === 1);
    const reader = await opened(t, standby.url.replace('postgres@', 'only_reads@'), { role: 'reader' });
    await until(() => reader.checkpoint().head?.height === 39);
    const view = await reader.view();
    await writer.rollback(refOf(frames[9] as (typeof frames)[number]));
    const cancelled = async (): Promise<number> =>
      (
        await ask<{ count: number }>(
          standby,
          `select sum(confl_lock)::int as count from pg_stat_database_conflicts`,
        )
      )[0]?.count ?? 0;
    const refs = frames.map(refOf);
    const work = { isOver: false };
    const reading = (async () => {
      for (let round = 0; !work.isOver; round++)
        t.deepEqual((await readAll(view, ALL)).map(refOf), refs, `${round}`);
    })();
    // Statements on the standby give way to locks of the primary.
    await until(async () => {
      await ask(cluster.primary, 'begin; lock table blockferry.blocks in access exclusive mode; commit');
      return (await cancelled()) >= 5;
    });
    work.isOver = true;
    await reading;
    await view.close();
    await until(() => reader.checkpoint().head?.height === 9);
    t.deepEqual((await readAll(reader, ALL)).map(refOf), refs.slice(0, 10));
  },
);
