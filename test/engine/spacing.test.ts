import type { IncomingMessage, ServerResponse } from 'node:http';
import test from 'ava';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { blockEvent, completeEvent, listen } from '../helpers/servers.js';
import { until } from '../helpers/waiting.js';
import { blocksOn, Follower, sourceChain } from './follow-support.js';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const events = { 'content-type': 'text/event-stream' };
const ends: Readonly<Record<string, Answer>> = {
  'with 204': (_request, response) => response.writeHead(204).end(),
  'after an empty body': (_request, response) => response.writeHead(200, events).end(),
  'after the word that it is complete': (_request, response) =>
    response.writeHead(200, events).end(completeEvent({ height: null, hash: null })),
  'with 503': (_request, response) => response.writeHead(503).end(),
  'with 404': (_request, response) => response.writeHead(404).end(),
  'by a reset': (_request, response) => response.socket?.resetAndDestroy(),
};
for (const [name, answer] of Object.entries(ends)) {
  test(`a peer that ends every stream ${name} is asked less and less often`, async (t) => {
    const server = createSyncServer({ source: await sourceChain(t, 20) });
    t.teardown(() => server.close());
    const handle = nodeListener(server, { path: '/sync' });
    const streams = new Set<ServerResponse>();
    const times: number[] = [];
    let isOver = false;
    const origin = await listen(t, (request, response) => {
      const isStream = /^\/sync\/(?:stream|json)/.test(request.url ?? '');
      if (isStream) streams.add(response);
      if (!isStream || !isOver) handle(request, response);
      else answer(request, response);
    });
    const follower = new Follower(t, {
      peers: [`${origin}/sync`],
      retry: { baseDelayMs: 40, maxDelayMs: 100_000 },
    });
    await follower.until(() => follower.engine.state.phase === 'synced');
    isOver = true;
    follower.engine.events.subscribe((event) => {
      if (event.type === 'peer' && event.status === 'connecting') times.push(performance.now());
    });
    for (const response of streams) response.destroy();
    await until(() => times.length >= 8);
    // Three connections may follow at once; then the least times are 20, 40, 80, 160 and 320 ms.
    const [third = 0, last = 0] = [times[2], times[7]];
    t.true(last - third >= 600, times.map((ms) => Math.round(ms - third)).join());
  });
}

test('streams that brought blocks are opened again at once, however many there were', async (t) => {
  const chain = await sourceChain(t, 5);
  const server = createSyncServer({ source: chain });
  t.teardown(() => server.close());
  const handle = nodeListener(server, { path: '/sync' });
  const streams: ServerResponse[] = [];
  const origin = await listen(t, (request, response) => {
    if (request.url?.startsWith('/sync/stream') === true) streams.push(response);
    handle(request, response);
  });
  // A wait of this length would end the test.
  const hour = 3_600_000;
  const follower = new Follower(t, {
    peers: [`${origin}/sync`],
    mode: 'stream',
    retry: { baseDelayMs: hour, maxDelayMs: hour, quickForMs: hour },
  });
  for (let round = 1; round <= 8; round++) {
    await follower.until(() => follower.engine.state.phase === 'synced' && streams.length === round);
    await chain.append(blocksOn(chain.tip().head, 1, 'more'));
    const { head } = chain.tip();
    await follower.until(() => follower.engine.chain?.tip().head?.height === head?.height);
    t.is(follower.engine.chain?.tip().head?.hash, head?.hash, `stream ${round} brought a block`);
    streams.at(-1)?.destroy();
    await until(() => streams.length > round);
    t.is(streams.length, round + 1, `one stream follows stream ${round}`);
  }
});

test('a peer that sends one block and cuts the stream, each time, is connected to once for each block and once more', async (t) => {
  const documents = sealedChain(12);
  const server = createSyncServer({ source: new MemorySource(documents) });
  t.teardown(() => server.close());
  const handle = nodeListener(server, { path: '/sync' });
  const asked: string[] = [];
  const origin = await listen(t, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname !== '/sync/status') asked.push(pathname);
    if (pathname !== '/sync/stream') {
      handle(request, response);
      return;
    }
    const height = Number(searchParams.get('from_height'));
    const document = documents[height];
    response.writeHead(200, events);
    response.end(document === undefined ? '' : blockEvent(height, document));
  });
  const { engine, started } = new Follower(t, {
    peers: [`${origin}/sync`],
    follow: false,
    codecs: ['gzip'],
    // A wait of this length would end the test.
    retry: { baseDelayMs: 3_600_000, maxDelayMs: 3_600_000 },
  });
  await started;
  t.is(engine.chain?.tip().head?.height, 11);
  t.deepEqual(asked, [...documents.map(() => '/sync/stream'), '/sync/stream', '/sync/json']);
});
