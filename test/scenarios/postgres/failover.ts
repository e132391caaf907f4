import { createPostgresStore, postgresStorage } from '../../../plugins/storage-postgres/index.js';
import { ask, PostgresCluster } from '../../helpers/postgres-cluster.js';
import { until } from '../../helpers/waiting.js';
import { Blocks, difference, spread } from './blocks.js';

const ROUNDS = Number(process.env['ROUNDS'] ?? 20);
const BLOCKS = 30;
/** Nobody listens there. */
const DEAD = '127.0.0.1:1';

/** The primary is killed again and again while blocks come, and a standby takes its place. */
export async function failovers(bin: string): Promise<void> {
  const cluster = await PostgresCluster.start(bin, { standbys: 2 });
  try {
    await createPostgresStore({ url: cluster.primary.url });
    const url = cluster.url(DEAD);
    const store = postgresStorage({ url, store: 'failover', durability: 'replicated' }).create();
    await store.open();
    const blocks = new Blocks(store);
    const times = await rounds(cluster, blocks);
    await blocks.stop();
    const rows = await ask<{ rows: number; heights: number }>(
      cluster.primary,
      'select count(*)::int as rows, count(distinct height)::int as heights from blockferry.blocks',
    );
    await store.close();
    await store.open();
    const { lost, changed, more } = await difference(store, blocks.acknowledged);
    await store.close();
    const twice = (rows[0]?.rows ?? 0) - (rows[0]?.heights ?? 0);
    console.log(
      `${ROUNDS} × kill -9 of the primary and promotion: ${blocks.acknowledged.length} blocks acknowledged, ` +
        `${lost} lost, ${changed} changed, ${twice} twice, ${more} more, error at the caller: ${String(blocks.error)}`,
    );
    console.log(`next acknowledgement after the kill: ${spread(times.map(({ killed }) => killed))}`);
    console.log(`and after the promotion: ${spread(times.map(({ promoted }) => promoted))}`);
    if (lost + changed + twice + more > 0 || blocks.error !== null)
      throw new Error('blocks were lost, or twice');
  } finally {
    await cluster.stop();
  }
}

interface Times {
  readonly killed: number;
  readonly promoted: number;
}

async function rounds(cluster: PostgresCluster, blocks: Blocks): Promise<readonly Times[]> {
  const times: Times[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = blocks.acknowledged.length;
    await until(() => blocks.acknowledged.length > before + BLOCKS || blocks.error !== null);
    const killedMs = performance.now();
    cluster.primary.kill();
    const next = await cluster.next();
    // Nothing that comes from now on was acknowledged by the one that was killed.
    const goneMs = performance.now();
    const old = await cluster.promote(next);
    const promotedMs = performance.now();
    await until(() => blocks.after(goneMs) !== null || blocks.error !== null);
    const atMs = blocks.after(goneMs)?.atMs;
    if (atMs === undefined) throw new Error(`round ${round}: ${String(blocks.error)}`);
    times.push({ killed: atMs - killedMs, promoted: Math.max(0, atMs - promotedMs) });
    await cluster.rejoin(old);
  }
  return times;
}
