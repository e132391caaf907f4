import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { isSyncError } from '../../src/errors/index.js';
import { type Chain, openChain } from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { postgresPrograms } from '../helpers/postgres-programs.js';
import { postgresTest } from '../helpers/postgres-test.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { until } from '../helpers/waiting.js';
import { Fleet, type Instance } from './fleet.js';
import { startStandby } from './standby.js';

const postgres = postgresTest();
const storage = { use: 'postgres', store: 'fleet', durability: 'primary', pool: 3 } as const;

/** Opens the store as soon as it is there: a standby has it later. */
async function reader(databasePort: number): Promise<Chain> {
  const url = `postgres://postgres@127.0.0.1:${databasePort}/postgres`;
  let opened: Chain | null = null;
  await until(async () => {
    try {
      opened = await openChain({ storage: { ...storage, url, role: 'reader' } });
    } catch (error) {
      if (!isSyncError(error, 'STORE_NOT_FOUND')) throw error;
    }
    return opened !== null;
  });
  return opened as unknown as Chain;
}

async function instance(databasePort: number): Promise<Instance> {
  const chain = await reader(databasePort);
  const sync = createSyncServer({ source: chain });
  const server = createServer(nodeListener(sync, { path: '/sync' }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      await sync.close();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      await chain.close();
    },
  };
}

postgres.test(
  'Followers behind a balancer whose servers lag behind each other get each block once, and each fork, while the servers are restarted',
  async (t) => {
    const writer = await openChain({ storage: { ...storage, url: postgres.server().url } });
    t.teardown(() => writer.close());
    const { port } = postgres.server();
    const standbys = await Promise.all(
      [400, 800].map((delayMs) => startStandby(postgresPrograms() ?? '', port, delayMs)),
    );
    t.teardown(() => Promise.all(standbys.map((standby) => standby.stop())));
    const fleet = await Fleet.start({
      writer,
      databasePorts: [port, ...standbys.map((standby) => standby.port)],
      followers: 6,
      start: instance,
    });
    t.teardown(() => fleet.close());
    await fleet.producer.append(10);
    await fleet.settled();
    await fleet.rollingRestart(() => fleet.producer.append(3));
    await fleet.settled();
    t.deepEqual(fleet.faults(), []);
    // No block was dropped so far, so none was taken back by a server that is behind.
    t.deepEqual(
      fleet.followers.flatMap(({ rollbacks }) => rollbacks),
      [],
    );
    for (const depth of [1, 3, 2]) {
      await fleet.producer.fork(depth);
      await fleet.producer.append(2);
    }
    await fleet.settled();
    await fleet.rollingRestart(() => fleet.producer.fork(2));
    await fleet.settled();
    t.deepEqual(fleet.faults(), []);
  },
);

postgres.test(
  'A server whose standby does not show what it has received is not ready, and is again when it does; in between it serves what it has',
  async (t) => {
    const writer = await openChain({
      storage: { ...storage, store: 'lagging', url: postgres.server().url },
      chain: 'sealed-json',
    });
    t.teardown(() => writer.close());
    const documents = sealedChain(5);
    await writer.append(documents.slice(0, 3));
    const standby = await startStandby(postgresPrograms() ?? '', postgres.server().port, 0);
    t.teardown(() => standby.stop());
    const url = `postgres://postgres@127.0.0.1:${standby.port}/postgres`;
    const chain = await openChain({ storage: { ...storage, store: 'lagging', url, role: 'reader' } });
    t.teardown(() => chain.close());
    const server = createSyncServer({ source: chain, readiness: { maxBehindMs: 3000 } });
    t.teardown(() => server.close());
    const origin = await listen(t, nodeListener(server, { path: '/sync' }));
    const reason = async (): Promise<unknown> => {
      const response = await fetch(`${origin}/sync/ready`);
      return response.status === 200 ? 'ready' : ((await response.json()) as { reason: unknown }).reason;
    };
    await until(async () => (await reason()) === 'ready');
    const admin = new pg.Client({ connectionString: url });
    await admin.connect();
    t.teardown(() => admin.end());
    await admin.query('select pg_wal_replay_pause()');
    await until(async () => {
      const { rows } = await admin.query<{ state: string }>(
        `select pg_get_wal_replay_pause_state() as state`,
      );
      return rows[0]?.state === 'paused';
    });
    await writer.append(documents.slice(3));
    await until(async () => (await reason()) === 'lagging');
    t.is(chain.tip().head?.height, 2);
    t.is((await fetch(`${origin}/sync/status`)).status, 200);
    await admin.query('select pg_wal_replay_resume()');
    await until(async () => (await reason()) === 'ready');
    // It is not far behind then; it looks for what is new each second.
    await until(() => chain.tip().head?.height === 4);
    t.is(await reason(), 'ready');
  },
);
