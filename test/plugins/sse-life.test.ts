import { get } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { createSyncEngine, openChain } from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { until } from '../helpers/waiting.js';

const documents = sealedChain(60);

test('a stream that has had its time ends in good order after a whole event, and not before its client has all', async (t) => {
  const source = await openChain({ storage: { use: 'memory' } });
  await source.append(documents.slice(0, 20));
  const server = createSyncServer({ source, limits: { maxStreamMs: 200 } });
  t.teardown(() => server.close());
  const origin = await listen(t, nodeListener(server));
  const began = performance.now();
  const text = await (await fetch(`${origin}/sync/stream?follow=true`)).text();
  t.true(performance.now() - began >= 180);
  t.true(text.endsWith('\n\n'));
  t.is(text.match(/^event: block/gm)?.length, 20);
  t.is(text.match(/^event: complete/gm)?.length, 1);
  await until(() => server.openStreams === 0);
});

test('one client that takes nothing more does not keep its place', async (t) => {
  const source = await openChain({ storage: { use: 'memory' } });
  await source.append(documents.slice(0, 20));
  const server = createSyncServer({ source, limits: { maxStreamMs: 200 } });
  t.teardown(() => server.close());
  const origin = await listen(t, nodeListener(server));
  const request = get(`${origin}/sync/stream?follow=true`, (response) => response.pause());
  request.on('error', () => undefined);
  t.teardown(() => request.destroy());
  await until(() => server.openStreams === 1);
  await until(() => server.openStreams === 0);
  t.false(request.destroyed);
});

/** A node that follows a server whose streams end again and again, in good order. */
async function following(t: ExecutionContext, rollbacks?: 'trusted') {
  const source = await openChain({ storage: { use: 'memory' } });
  await source.append(documents.slice(0, 20));
  const asked = { count: 0 };
  // Far longer than the longest delay between two attempts: a stream that ends sooner than that counts as lost.
  const server = createSyncServer({ source, limits: { maxStreamMs: 600 } });
  const handle = nodeListener(server);
  const origin = await listen(t, (request, response) => {
    if (request.url?.includes('/stream') === true) asked.count += 1;
    handle(request, response);
  });
  const url = `${origin}/sync`;
  const engine = createSyncEngine({
    peers: [rollbacks === undefined ? url : { url, rollbacks }],
    storage: { use: 'memory' },
    mode: 'stream',
    follow: true,
    retry: { baseDelayMs: 5, maxDelayMs: 50 },
  });
  const told: string[] = [];
  engine.events.subscribe((event) => {
    if (event.type === 'retry' || event.type === 'peer') told.push(event.type);
    if (event.type === 'phase') told.push(event.phase);
  });
  const started = engine.start().catch(() => undefined);
  t.teardown(async () => {
    await engine.close();
    await started;
    await server.close();
  });
  await until(() => engine.state.phase === 'synced');
  told.length = 0;
  return { source, server, engine, asked, told };
}

test('a node that follows goes on over the ends of its streams at once, stays synced, and tells of nothing', async (t) => {
  const { source, server, engine, asked, told } = await following(t);
  for (let height = 20; height < 60; height++) {
    await source.append(documents.slice(height, height + 1));
    await until(() => engine.state.checkpoint?.head?.height === height);
  }
  await until(() => asked.count >= 4);
  t.deepEqual(told, []);
  t.is(engine.state.phase, 'synced');
  // A server that goes away is told of, also when it ends its streams in good order.
  await server.close();
  await until(() => told.length > 0);
  t.deepEqual(told.slice(0, 3), ['peer', 'retry', 'waiting']);
});

test('a node that has followed its trusted peer back goes on as well when its stream has had its time', async (t) => {
  const { source, engine, asked, told } = await following(t, 'trusted');
  const header = await source.header(15);
  await source.rollback({ height: 15, hash: header?.hash ?? '' });
  await until(() => engine.state.checkpoint?.head?.height === 15);
  const before = asked.count;
  await until(() => asked.count >= before + 2);
  t.deepEqual(told, []);
  t.is(engine.state.phase, 'synced');
});
