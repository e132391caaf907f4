import { createServer } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { http2Fetch } from '../../src/http2-client/index.js';
import { type BlockSource, type Chain, createSyncEngine, type HttpFetch } from '../../src/index.js';
import { createHttp2CleartextServer } from '../../src/server/http2.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { refAt, sourceChain } from '../engine/follow-support.js';
import { listenAt } from './http2-support.js';

/** A chain that counts how often blocks are read. */
function counted(chain: Chain): { readonly source: BlockSource; readonly reads: () => number } {
  let reads = 0;
  const source: BlockSource = {
    chain: chain.chain,
    chainId: () => chain.chainId(),
    tip: () => chain.tip(),
    header: (height) => chain.header(height),
    read: (range, options) => {
      reads += 1;
      return chain.read(range, options);
    },
    subscribe: (listener) => chain.subscribe(listener),
  };
  return { source, reads: () => reads };
}

interface Service {
  readonly url: string;
  readonly fetch: HttpFetch;
}

async function overHttp1(t: ExecutionContext, source: BlockSource): Promise<Service> {
  const service = createSyncServer({ source });
  const server = createServer(nodeListener(service, { path: '/sync' }));
  t.teardown(async () => {
    await service.close();
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${await listenAt(server)}`, fetch };
}

async function overHttp2(t: ExecutionContext, source: BlockSource): Promise<Service> {
  const service = createSyncServer({ source });
  const server = createHttp2CleartextServer(nodeListener(service, { path: '/sync' }));
  const client = http2Fetch();
  t.teardown(async () => {
    await client.close();
    await service.close();
    server.close();
  });
  return { url: `http://127.0.0.1:${await listenAt(server)}`, fetch: client };
}

for (const [name, serve] of [
  ['HTTP/1.1', overHttp1],
  ['HTTP/2', overHttp2],
] as const)
  test(`whether the server has a block is answered without a body and without reading one, by ${name}`, async (t) => {
    const chain = await sourceChain(t, 10);
    const { source, reads } = counted(chain);
    const { url, fetch: send } = await serve(t, source);
    const ask = async (height: number, hash: string): Promise<number> => {
      const target = new URL(`${url}/sync/json?from=${height + 1}&to=${height + 1}&parent_hash=${hash}`);
      const signal = AbortSignal.timeout(10_000);
      const { status, body } = await send(target, {
        method: 'HEAD',
        headers: {},
        redirect: 'manual',
        signal,
      });
      t.is(body, null);
      return status;
    };
    for (const height of [0, 5, 9]) {
      t.is(await ask(height, (await refAt(chain, height)).hash), 200);
      t.is(await ask(height, 'f'.repeat(64)), 409);
    }
    t.is(reads(), 0);
  });

test('a node confirms blocks by HTTP/2 as well', async (t) => {
  const chain = await sourceChain(t, 10);
  const { source } = counted(chain);
  const [one, two] = [await overHttp2(t, source), await overHttp2(t, source)];
  const engine = createSyncEngine({
    peers: [one.url, two.url],
    storage: { use: 'memory' },
    agree: 2,
    fetch: one.fetch,
  });
  t.teardown(() => engine.close());
  await engine.start();
  t.is(engine.chain?.tip().confirmed?.height, 9);
});
