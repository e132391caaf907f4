import { createServer, get as httpGet, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { BlockSource } from '../../src/contracts/index.js';
import { addressKey } from '../../src/server/client-address.js';
import { createSyncServer, nodeListener, type SyncServerConfig } from '../../src/server/index.js';
import type { NodeListenerOptions } from '../../src/server/node.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import { LedgerSource, manifestAt, nodeSigner } from '../plugins/snapshot-server-support.js';

/** More than a socket takes while nothing is read. */
const large = sealedChain(400, (height) => ({ text: `${height} `.repeat(15_000) }));

async function serve(
  t: ExecutionContext,
  config: SyncServerConfig,
  options: NodeListenerOptions = {},
): Promise<string> {
  const sync = createSyncServer(config);
  const server = createServer(nodeListener(sync, options));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(async () => {
    await sync.close();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}/sync`;
}

/** A request whose answer is not read, from an address of its own. */
function held(
  t: ExecutionContext,
  url: string,
  localAddress: string,
  headers: Record<string, string> = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpGet(url, { agent: false, localAddress, headers }, resolve);
    request.on('error', reject);
    t.teardown(() => request.destroy());
  });
}

function withSnapshot(t: ExecutionContext, source: BlockSource): SyncServerConfig {
  return {
    source,
    snapshots: { signer: nodeSigner(), directory: tempDir(t), codecs: ['identity'] },
    limits: { maxAnswersPerClient: 3 },
  };
}

(process.platform === 'linux' ? test : test.skip)(
  'who holds its downloads and ranges open is refused more, and no other client is',
  async (t) => {
    const config = withSnapshot(t, await LedgerSource.of(large));
    const url = await serve(t, config);
    const { id } = await manifestAt(`${url}/snapshot/manifest`);
    const paths = [`snapshot/${id}`, 'json?from=0&to=399', 'snapshot'];
    const open = [];
    for (const path of paths) open.push(await held(t, `${url}/${path}`, '127.0.0.1'));
    t.deepEqual(
      open.map(({ statusCode }) => statusCode),
      [200, 200, 200],
    );
    for (const path of [...paths, 'snapshot/manifest', 'json?from=0&to=1']) {
      const refused = await held(t, `${url}/${path}`, '127.0.0.1');
      t.is(refused.statusCode, 429, path);
      t.is(refused.headers['retry-after'], '5', path);
    }
    for (const path of paths) t.is((await held(t, `${url}/${path}`, '127.0.0.2')).statusCode, 200, path);
    t.is((await held(t, `${url}/status`, '127.0.0.1')).statusCode, 200);
    t.is((await held(t, `${url}/stream?follow=true`, '127.0.0.1')).statusCode, 200);
    open[0]?.destroy();
    await until(async () => (await held(t, `${url}/json?from=0&to=1`, '127.0.0.1')).statusCode === 200);
  },
);

test('a plain server counts under the key that its host gives', async (t) => {
  const config = withSnapshot(t, await LedgerSource.of(large));
  const url = await serve(
    t,
    { ...config, limits: { maxAnswersPerClient: 1 } },
    { clientKey: (req) => String(req.headers['x-tenant']) },
  );
  const status = async (tenant: string): Promise<number | undefined> =>
    (await held(t, `${url}/json?from=0&to=399`, '127.0.0.1', { 'x-tenant': tenant })).statusCode;
  t.deepEqual([await status('a'), await status('b'), await status('a')], [200, 200, 429]);
});

test('clients of one IPv6 network count as one, and an IPv4 address is the same however it is written', (t) => {
  const network = '2001:db8:0:7::/64';
  for (const address of ['2001:db8:0:7::1', '2001:db8:0:7:ffff:1:2:3', '2001:DB8::7:0:0:0:9']) {
    t.is(addressKey(address), network, address);
  }
  t.is(addressKey('fe80::1%eth0'), 'fe80:0:0:0::/64');
  t.is(addressKey('::1'), '0:0:0:0::/64');
  t.not(addressKey('2001:db8:0:8::1'), network);
  t.is(addressKey('64:ff9b:1:2:3:4:192.0.2.1'), '64:ff9b:1:2::/64');
  t.is(addressKey('64:ff9b::192.0.2.1'), '64:ff9b:0:0::/64');
  t.is(addressKey('::ffff:192.0.2.1'), '192.0.2.1');
  t.is(addressKey('192.0.2.1'), '192.0.2.1');
});
