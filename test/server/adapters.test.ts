import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import compression from 'compression';
import express, { type Request } from 'express';
import { resolveServerParts } from '../../src/di/server-parts.js';
import { syncMiddleware, type SyncMiddlewareOptions } from '../../src/server/express.js';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/limits.js';
import { createSyncServer } from '../../src/server/index.js';
import { nodeListener } from '../../src/server/node.js';
import { SyncServerCore } from '../../src/server/sync-server.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { until } from '../helpers/waiting.js';

const documents = sealedChain(20);

/** The same package under another name; it has no types of its own. */
const express4 = createRequire(import.meta.url)('express4') as typeof express;

/** 15 MB in incompressible blocks: more than the buffers of a connection take. */
const bulk = sealedChain(150, () => ({ text: randomBytes(75_000).toString('base64') }));

interface Mounted {
  readonly origin: string;
  readonly middleware: ReturnType<typeof syncMiddleware>;
  readonly responses: ServerResponse[];
}

async function mount(
  t: ExecutionContext,
  options: SyncMiddlewareOptions,
  before: readonly express.RequestHandler[] = [],
): Promise<Mounted> {
  const app = express();
  const responses: ServerResponse[] = [];
  const middleware = syncMiddleware(options);
  app.use((_req, res, next) => {
    responses.push(res);
    next();
  });
  for (const handler of before) app.use(handler);
  app.use('/sync', middleware);
  t.teardown(() => middleware.close());
  return { origin: await listen(t, app), middleware, responses };
}

/** A client that sends a request and reads nothing. */
async function deaf(t: ExecutionContext, origin: string, path: string): Promise<Socket> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.pause();
  await once(socket, 'connect');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  return socket;
}

function open(
  t: ExecutionContext,
  url: string,
  headers: Record<string, string> = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers }, resolve);
    t.teardown(() => sent.destroy());
    sent.on('error', reject).end();
  });
}

/** The raw status line and body of a request target as it is written here. */
function raw(t: ExecutionContext, origin: string, target: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(origin).port), '127.0.0.1');
    t.teardown(() => socket.destroy());
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('close', () => {
      resolve(text);
    });
    socket.write(
      Buffer.from(`GET ${target} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`, 'latin1'),
    );
  });
}

function versions(source: MemorySource): [string, RequestListener][] {
  const five = express();
  five.set('query parser', 'extended');
  five.use('/sync', syncMiddleware({ source }));
  five.use((_req, res) => void res.status(418).end());
  const simple = express();
  simple.set('query parser', false);
  simple.use('/sync', syncMiddleware({ source }));
  simple.use((_req, res) => void res.status(418).end());
  const four = express4();
  four.use('/sync', syncMiddleware({ source }));
  four.use((_req, res) => void res.status(418).end());
  return [
    ['Express 5', five],
    ['Express 5 without a query parser', simple],
    ['Express 4', four],
  ];
}

for (const [name, app] of versions(new MemorySource(documents))) {
  test(`${name} serves the status, the stream and refusals, and gets unknown paths back`, async (t) => {
    const origin = await listen(t, app);
    const status = (await (await fetch(`${origin}/sync/status`)).json()) as { head: { height: number } };
    t.is(status.head.height, 19);
    const stream = await fetch(`${origin}/sync/stream?from_height=18`);
    t.is(stream.headers.get('content-type'), 'text/event-stream');
    t.is(stream.headers.get('cache-control'), 'no-cache, no-transform');
    t.is(stream.headers.get('x-accel-buffering'), 'no');
    t.is((await stream.text()).match(/^id: /gm)?.length, 2);
    t.is((await fetch(`${origin}/sync/stream?from_height=18&from_height=19`)).status, 400);
    t.is((await fetch(`${origin}/sync/status`, { method: 'HEAD' })).status, 200);
    t.is((await fetch(`${origin}/sync/status`, { method: 'POST' })).status, 405);
    t.is((await fetch(`${origin}/sync/other?x=%25`)).status, 418);
    t.is((await fetch(`${origin}/sync`)).status, 418);
  });
}

test('what the host has said that its answers vary by stays beside what ours vary by', async (t) => {
  const source = new MemorySource(documents);
  const cors: express.RequestHandler = (_req, res, next) => {
    res.setHeader('vary', 'Origin');
    next();
  };
  const { origin } = await mount(t, { source }, [cors]);
  const response = await fetch(`${origin}/sync/json?from=0&to=3`);
  await response.arrayBuffer();
  const names = (response.headers.get('vary') ?? '').toLowerCase();
  t.regex(names, /origin/);
  t.regex(names, /accept-encoding/);
});

test('a plain HTTP server serves it under one path and nothing elsewhere', async (t) => {
  const source = new MemorySource(documents);
  const limits = DEFAULT_SERVER_LIMITS;
  const parts = resolveServerParts({ source, plugins: [], snapshots: null, limits, cache: 'private' });
  const origin = await listen(
    t,
    nodeListener(new SyncServerCore({ source, limits, cache: 'private', ...parts }), { path: '/a/b' }),
  );
  t.is((await fetch(`${origin}/a/b/status`)).status, 200);
  t.true((await (await fetch(`${origin}/a/b/stream`)).text()).endsWith('\n\n'));
  for (const path of ['/', '/status', '/a/bstatus', '/a/b', '/a/b/', '/a/b/a/b/status']) {
    const response = await fetch(`${origin}${path}`);
    t.is(response.status, 404, path);
    t.is(response.headers.get('content-type'), 'application/problem+json');
  }
});

test('targets are read as they came: absolute form, broken escapes, bytes that are not ASCII', async (t) => {
  const { origin } = await mount(t, { source: new MemorySource(documents) });
  t.regex(await raw(t, origin, 'http://evil.example/sync/status'), /^HTTP\/1.1 200 /);
  for (const query of [
    'from_height=%',
    'from_height=%F0%9F',
    'x=%zz',
    'from_height=\u00b9',
    'from_height=%C0%80',
  ]) {
    const answer = await raw(t, origin, `/sync/stream?${query}`);
    t.regex(answer, /^HTTP\/1.1 400 /, query);
    if (!/[^ -~]/.test(query)) t.regex(answer, /"code":"BAD_REQUEST"/, query);
  }
});

test('behind compression the first event of a followed stream arrives while it is open', async (t) => {
  const source = new MemorySource(documents);
  const { origin } = await mount(t, { source }, [compression({ threshold: 0 })]);
  const url = `${origin}/sync/stream?follow=true&from_height=19`;
  const response = await open(t, url, { 'accept-encoding': 'gzip, deflate, br' });
  t.is(response.headers['content-encoding'], undefined);
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await until(() => /^event: block\nid: 19\n/m.test(text));
  t.false(response.complete);
  source.extend(sealedChain(21).slice(20));
  await until(() => /^event: block\nid: 20\n/m.test(text));
  t.false(response.complete);
});

test('behind compression the status is compressed and whole', async (t) => {
  const { origin } = await mount(t, { source: new MemorySource(documents) }, [compression({ threshold: 0 })]);
  const response = await fetch(`${origin}/sync/status`);
  t.is(response.headers.get('content-encoding'), 'gzip');
  t.is(((await response.json()) as { protocol: number }).protocol, 1);
});

/** Five clients of a server that read nothing. */
async function fiveDeaf(t: ExecutionContext, { origin, responses }: Mounted): Promise<void> {
  await Promise.all(Array.from({ length: 5 }, () => deaf(t, origin, '/sync/stream?codec=identity')));
  await until(() => responses.length === 5);
}

test('clients that read nothing hold a bounded amount', async (t) => {
  const source = new MemorySource(bulk, { batch: 20, codec: 'identity' });
  const mounted = await mount(t, { source });
  await fiveDeaf(t, mounted);
  await until(() => mounted.responses.every((res) => res.writableNeedDrain));
  for (const res of mounted.responses) t.true(res.writableLength < 256 * 1024, String(res.writableLength));
  t.true(mounted.responses.every((res) => !res.destroyed));
});

test('clients that read nothing are closed after the write stall', async (t) => {
  const source = new MemorySource(bulk, { batch: 20, codec: 'identity' });
  const mounted = await mount(t, { source, limits: { writeStallMs: 300 } });
  await fiveDeaf(t, mounted);
  await until(() => mounted.responses.every((res) => res.destroyed));
  await until(() => source.listeners.size === 0);
  t.false(mounted.responses.some((res) => res.writableFinished));
});

test('a client that reads slowly is not taken for one that reads nothing', async (t) => {
  const source = new MemorySource(bulk, { codec: 'identity' });
  const { origin } = await mount(t, { source, limits: { writeStallMs: 4000 } });
  const response = await open(t, `${origin}/sync/stream?codec=identity`);
  let bytes = 0;
  for await (const chunk of response) {
    const before = Math.floor(bytes / 1_000_000);
    bytes += (chunk as Buffer).length;
    if (Math.floor(bytes / 1_000_000) > before) await delay(300);
  }
  t.true(response.complete);
  t.true(bytes > 15_000_000);
});

test('a client that leaves frees its place and ends the reading', async (t) => {
  const source = new MemorySource(documents);
  const { origin } = await mount(t, { source, limits: { maxStreamsPerAddress: 1 } });
  const url = `${origin}/sync/stream?follow=true`;
  const first = await open(t, url);
  t.is(first.statusCode, 200);
  first.on('error', () => undefined);
  await once(first, 'data');
  t.is(source.listeners.size, 1);
  const second = await open(t, url);
  t.is(second.statusCode, 429);
  t.is(second.headers['content-type'], 'application/problem+json');
  t.truthy(second.headers['retry-after']);
  first.destroy();
  await until(() => source.listeners.size === 0);
  const third = await open(t, url);
  t.is(third.statusCode, 200);
});

test('streams are counted under the key that the host gives', async (t) => {
  const source = new MemorySource(documents);
  const { origin } = await mount(t, {
    source,
    limits: { maxStreamsPerAddress: 1 },
    clientKey: (req: Request) => req.get('x-tenant') ?? '',
  });
  const status = async (tenant: string): Promise<number | undefined> =>
    (await open(t, `${origin}/sync/stream?follow=true`, { 'x-tenant': tenant })).statusCode;
  t.deepEqual([await status('a'), await status('b'), await status('a')], [200, 200, 429]);
});

test('one connection can be used for stream after stream', async (t) => {
  const { origin, responses } = await mount(t, { source: new MemorySource(documents) });
  for (let count = 0; count < 15; count++) {
    t.is((await (await fetch(`${origin}/sync/stream`)).text()).match(/^id: /gm)?.length, 20);
  }
  const sockets = new Set(responses.map(({ req }) => req.socket.remotePort));
  t.true(sockets.size <= 2);
  t.true(responses.every((res) => res.listenerCount('drain') === 0));
});

test('a failure inside a response that has begun ends the connection, and the operator is told', async (t) => {
  const told: unknown[] = [];
  const failing = {
    kind: 'endpoint' as const,
    name: 'own',
    apiVersion: 1 as const,
    create: () => ({
      name: 'own',
      codecs: {},
      paths: ['/own'],
      streams: false,
      handle: () => Promise.resolve({ status: 200, headers: {}, body: broken() }),
    }),
  };
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.from('[1,'));
    throw new Error('broken');
  }
  const source = new MemorySource(documents);
  const { origin } = await mount(t, { source, plugins: [failing], onError: (error) => told.push(error) });
  const response = await open(t, `${origin}/sync/own`);
  await t.throwsAsync(async () => {
    for await (const chunk of response) t.is(String(chunk), '[1,');
  });
  t.false(response.complete);
  t.deepEqual(told.map(String), ['Error: broken']);
});

test('closing ends open streams, also of clients that read nothing', async (t) => {
  const source = new MemorySource(bulk, { batch: 20, codec: 'identity' });
  const { origin, middleware, responses } = await mount(t, { source });
  await deaf(t, origin, '/sync/stream?codec=identity');
  const following = await open(t, `${origin}/sync/stream?follow=true&from_height=149`);
  following.resume();
  await until(() => responses.length === 2 && responses.some((res) => res.writableNeedDrain));
  const ended = once(following, 'end');
  await middleware.close();
  await ended;
  t.true(following.complete);
  t.is(source.listeners.size, 0);
  t.is((await fetch(`${origin}/sync/status`)).status, 503);
});

test('a host’s clientKey that throws fails its request with 500, and neither the process nor others', async (t) => {
  const failures: unknown[] = [];
  const clientKey = ({ headers }: { headers: NodeJS.Dict<string | string[]> }): string => {
    if (headers['x-tenant'] === undefined) throw new Error('There is no tenant.');
    return String(headers['x-tenant']);
  };
  const source = new MemorySource(documents);
  const onError = (error: unknown): void => void failures.push(error);
  const { origin } = await mount(t, { source, clientKey, onError });
  const server = createSyncServer({ source, onError });
  t.teardown(() => server.close());
  const plain = await listen(t, nodeListener(server, { clientKey }));
  for (const at of [origin, plain]) {
    const refused = await fetch(`${at}/sync/status`);
    t.is(refused.status, 500);
    const { code, detail } = (await refused.json()) as { code: string; detail: string };
    t.is(code, 'INTERNAL');
    t.false(detail.includes('tenant'));
    t.is((await fetch(`${at}/sync/status`, { headers: { 'x-tenant': 'a' } })).status, 200);
  }
  t.is(failures.length, 2);
});
