import { setTimeout as delay } from 'node:timers/promises';
import { createPostgresStore, postgresStorage } from '../../../plugins/storage-postgres/index.js';
import type { Storage } from '../../../src/contracts/index.js';
import { isSyncError } from '../../../src/errors/index.js';
import { ask, PostgresCluster } from '../../helpers/postgres-cluster.js';
import { until } from '../../helpers/waiting.js';
import { Blocks, difference } from './blocks.js';

const STORE = 'standby';
const FROZEN_MS = 5_000;
const LEASE_MS = 2_000;
const MORE = 50;

/** The standby that confirms says nothing: nothing is acknowledged. Then both servers are lost, and the standby comes back. */
export async function frozenStandby(bin: string): Promise<void> {
  const cluster = await PostgresCluster.start(bin);
  try {
    await createPostgresStore({ url: cluster.primary.url });
    const store = await opened(cluster.url(), 'replicated');
    const blocks = new Blocks(store);
    await until(() => blocks.acknowledged.length > MORE);
    freeze(cluster);
    // What was confirmed before is answered meanwhile.
    await delay(500);
    const [before, seen] = [blocks.acknowledged.length, await visible(cluster)];
    await delay(FROZEN_MS);
    const [after, later] = [blocks.acknowledged.length, await visible(cluster)];
    console.log(
      `standby frozen for ${FROZEN_MS} ms: ${after - before} blocks acknowledged, ${later - seen} more to be seen`,
    );
    if (after !== before || later !== seen)
      throw new Error('What no standby confirmed was acknowledged, or shows.');
    await lose(cluster, async (old) => cluster.rejoin(old));
    await until(() => blocks.acknowledged.length > after + MORE || blocks.error !== null);
    await blocks.stop();
    const { lost, changed, more } = await difference(store, blocks.acknowledged);
    await store.close();
    console.log(
      `then the primary lost, and the standby promoted without what it had not received: ${blocks.acknowledged.length} acknowledged, ` +
        `${lost} lost, ${changed} changed, ${more} more, error at the caller: ${String(blocks.error)}`,
    );
    if (lost + changed + more > 0 || blocks.error !== null) throw new Error('blocks were lost, or twice');
  } finally {
    await cluster.stop();
  }
}

/** The same with a standby that does not confirm: acknowledged blocks are lost, which the comparison has to see. */
export async function control(bin: string): Promise<void> {
  const cluster = await PostgresCluster.start(bin, { confirmed: false });
  try {
    await createPostgresStore({ url: cluster.primary.url });
    const store = await opened(cluster.url(), 'primary', 3_000);
    const reader = postgresStorage({ url: cluster.url(), store: STORE, role: 'reader' }).create();
    await reader.open();
    const changes: string[] = [];
    reader.watch?.((change) => {
      if (change !== null) changes.push(change.kind);
    });
    const blocks = new Blocks(store);
    await until(() => blocks.acknowledged.length > MORE);
    await until(() => (reader.checkpoint().head?.height ?? 0) > MORE / 2);
    freeze(cluster);
    const before = blocks.acknowledged.length;
    await until(() => blocks.acknowledged.length > before + MORE);
    const newest = blocks.acknowledged.at(-1)?.ref.height ?? 0;
    await until(() => (reader.checkpoint().head?.height ?? 0) >= newest);
    await lose(cluster, () => Promise.resolve());
    await until(() => blocks.error !== null);
    await blocks.stop();
    await store.close();
    await reopened(store);
    const { lost } = await difference(store, blocks.acknowledged);
    const own = new Blocks(store);
    await until(() => own.acknowledged.length > 3);
    await own.stop();
    const head = own.acknowledged.at(-1)?.ref.hash;
    await until(() => reader.checkpoint().head?.hash === head);
    const same = await difference(reader, own.acknowledged);
    await store.close();
    await reader.close();
    console.log(
      `control, a standby that does not confirm: ${blocks.acknowledged.length} acknowledged, ${lost} lost; the writer got ` +
        `${isSyncError(blocks.error) ? blocks.error.code : String(blocks.error)}; its reader told of ${changes.filter((kind) => kind === 'rollback').length} rollback, and reads on`,
    );
    if (lost === 0 || !changes.includes('rollback') || same.lost + same.changed > 0)
      throw new Error('The control lost nothing, or its reader did not go back.');
  } finally {
    await cluster.stop();
  }
}

async function opened(
  url: string,
  durability: 'replicated' | 'primary',
  outageMs = 60_000,
): Promise<Storage> {
  const store = postgresStorage({ url, store: STORE, durability, outageMs, leaseMs: LEASE_MS }).create();
  await store.open();
  return store;
}

/** The lease of the one before has to end. */
async function reopened(store: Storage): Promise<void> {
  await until(() =>
    store.open().then(
      () => true,
      (error: unknown) => {
        if (isSyncError(error, 'STORE_LOCKED')) return false;
        throw error;
      },
    ),
  );
}

function freeze(cluster: PostgresCluster): void {
  for (const standby of cluster.standbys) standby.freeze();
}

/** Kills both servers, and promotes the standby with what it has on its disk. */
async function lose(
  cluster: PostgresCluster,
  then: (old: Parameters<PostgresCluster['rejoin']>[0]) => Promise<void>,
): Promise<void> {
  cluster.primary.kill();
  for (const standby of cluster.standbys) {
    standby.kill();
    await standby.restart();
  }
  await then(await cluster.promote(await cluster.next()));
}

/** How many blocks another connection sees. */
async function visible(cluster: PostgresCluster): Promise<number> {
  const [row] = await ask<{ count: number }>(
    cluster.primary,
    'select count(*)::int as count from blockferry.blocks',
  );
  return row?.count ?? 0;
}
