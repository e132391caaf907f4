import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { openChain } from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { postgresTest } from '../helpers/postgres-test.js';
import { Fleet, type Instance } from './fleet.js';

const postgres = postgresTest();
const storage = { use: 'postgres', store: 'fleet', durability: 'primary', pool: 3 } as const;

async function instance(databasePort: number): Promise<Instance> {
  const url = `postgres://postgres@127.0.0.1:${databasePort}/postgres`;
  const chain = await openChain({ storage: { ...storage, url, role: 'reader' } });
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
    const { documents } = { documents: [] as Uint8Array[] };
    t.deepEqual(documents, []);
    const fleet = await Fleet.start({
      writer,
      databasePort: postgres.server().port,
      lagsMs: [0, 400, 800],
      followers: 8,
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
    const { failures } = { failures: fleet.followers.flatMap((follower) => follower.failures) };
    t.log(JSON.stringify([...fleet.balancer.statuses]), failures.length, [...new Set(failures)]);
  },
);
