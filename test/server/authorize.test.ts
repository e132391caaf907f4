import { appendFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import express from 'express';
import test, { type ExecutionContext } from 'ava';
import { type Chain, createSyncEngine, openChain, SyncError } from '../../src/index.js';
import { createMetrics } from '../../src/metrics/index.js';
import { Access } from '../../src/server/access/access.js';
import { type AuditEntry, syncMiddleware, type SyncMiddlewareOptions } from '../../src/server/express.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { serve as serveCommand } from '../cli/cli.js';
import { blocksOn } from '../engine/follow-support.js';
import { key } from '../engine/snapshot-support.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { tiledChain, tiledDocuments } from '../helpers/tiled-chain.js';
import { until } from '../helpers/waiting.js';
import { listenAt, selfSigned } from './http2-support.js';
import { tlsTest } from './http2-tls-test.js';

type Options = Omit<SyncMiddlewareOptions, 'source'>;

async function serve(
  t: ExecutionContext,
  options: Options,
  source = new MemorySource(sealedChain(20)),
): Promise<string> {
  const middleware = syncMiddleware({ source, ...options });
  t.teardown(() => middleware.close());
  return `${await listen(t, express().use('/sync', middleware))}/sync`;
}

const bearer = (token: string): { headers: Record<string, string> } => ({
  headers: { authorization: `Bearer ${token}` },
});

/** Knows two hospitals by their tokens. */
const authorize: NonNullable<Options['authorize']> = ({ header }) => {
  const names: Readonly<Record<string, string>> = { 'Bearer one': 'hospital-1', 'Bearer two': 'hospital-2' };
  const id = names[header('authorization') ?? ''];
  return id === undefined ? null : { id };
};

test('nothing is told to whom nobody knows, on any path and by any method, save that the node lives', async (t) => {
  const source = new MemorySource(sealedChain(20));
  const url = await serve(
    t,
    { authorize, challenge: 'Bearer realm="ledger"', metrics: createMetrics() },
    source,
  );
  for (const path of ['status', 'stream', 'json', 'json?from=x', 'metrics', 'stream?client=x'])
    for (const method of ['GET', 'HEAD']) {
      const response = await fetch(`${url}/${path}`, { method, ...bearer('wrong') });
      t.is(response.status, 401, path);
      t.is(response.headers.get('www-authenticate'), 'Bearer realm="ledger"');
      t.is(response.headers.get('cache-control'), 'no-store');
      if (method === 'GET') t.like(await response.json(), { code: 'UNAUTHORIZED', status: 401 });
    }
  t.deepEqual(source.reads, []);
  for (const path of ['health', 'ready']) t.is((await fetch(`${url}/${path}`)).status, 200, path);
  for (const path of ['status', 'stream', 'json', 'metrics'])
    t.is((await fetch(`${url}/${path}`, bearer('one'))).status, 200, path);
  t.is((await fetch(`${url}/nothing`, bearer('wrong'))).status, 404, 'the path is not of the service');
});

test('a node syncs with its credentials, and says what is wrong without them', async (t) => {
  const url = await serve(t, { authorize });
  const sync = async (token: string): Promise<number | undefined> => {
    const engine = createSyncEngine({
      peers: [{ url, headers: { authorization: () => `Bearer ${token}` } }],
      storage: { use: 'memory' },
    });
    t.teardown(() => engine.close());
    await engine.start();
    return engine.state.checkpoint?.head?.height;
  };
  t.is(await sync('two'), 19);
  await t.throwsAsync(sync('wrong'), { code: 'PEER_UNAUTHORIZED' });
});

test('whoever may not read is told so, and a fault of the host lets nobody in and tells nothing', async (t) => {
  const errors: unknown[] = [];
  const answers: Readonly<Record<string, () => unknown>> = {
    forbidden: () => {
      throw new SyncError('FORBIDDEN', 'Your contract has ended.');
    },
    defect: () => {
      throw new Error('password of the database: s3cret');
    },
    rejects: () => Promise.reject(new Error('s3cret')),
    nothing: () => undefined,
    'no name': () => ({ name: 'a' }),
    'an empty name': () => ({ id: '' }),
    'a long name': () => ({ id: 'x'.repeat(257) }),
    'odd limits': () => ({ id: 'a', maxStreams: 0 }),
  };
  const url = await serve(t, {
    authorize: ({ header }) => answers[header('x-case') ?? '']?.() as never,
    onError: (error) => errors.push(error),
  });
  for (const name of Object.keys(answers)) {
    const response = await fetch(`${url}/json`, { headers: { 'x-case': name } });
    const text = await response.text();
    t.is(response.status, name === 'forbidden' ? 403 : 500, name);
    t.notRegex(text, /s3cret|sealed/);
    if (name === 'forbidden')
      t.like(JSON.parse(text), { code: 'FORBIDDEN', detail: 'Your contract has ended.' });
  }
  t.is(errors.length, Object.keys(answers).length - 1);
});

test('a host that does not say who asks is not waited for, and hears of clients that have gone', async (t) => {
  const signals: AbortSignal[] = [];
  const access = new Access(({ signal }) => {
    signals.push(signal);
    return new Promise(() => undefined);
  }, 20);
  const request = {
    method: 'GET',
    path: '/json',
    query: new URLSearchParams(),
    header: () => null,
    clientKey: 'a',
  };
  await t.throwsAsync(access.principal(request, new AbortController().signal), { code: 'SERVER_BUSY' });
  t.true(signals[0]?.aborted);
  const gone = new AbortController();
  const asked = new Access(() => new Promise(() => undefined)).principal(request, gone.signal);
  gone.abort();
  await t.throwsAsync(asked, { code: 'ABORTED' });
});

test('limits are those of the principal, wherever it asks from, and another one has its own', async (t) => {
  let address = 0;
  const url = await serve(t, {
    clientKey: () => `10.0.0.${(address += 1)}`,
    authorize: ({ header }) => ({
      id: header('x-who') ?? '',
      maxStreams: header('x-who') === 'large' ? 3 : 1,
    }),
  });
  const stop = new AbortController();
  t.teardown(() => {
    stop.abort();
  });
  const open = async (who: string): Promise<number> => {
    const headers = { 'x-who': who };
    return (await fetch(`${url}/stream?follow=true`, { headers, signal: stop.signal })).status;
  };
  t.deepEqual([await open('small'), await open('small')], [200, 429]);
  t.deepEqual(
    [await open('large'), await open('large'), await open('large'), await open('large')],
    [200, 200, 200, 429],
  );
  t.is(await open('other'), 200);
});

test('an audit has who was given which heights, by which way, and how many bytes', async (t) => {
  const chain: Chain = await tiledChain(t, tiledDocuments(200));
  const entries: AuditEntry[] = [];
  const before = Date.now();
  const middleware = syncMiddleware({
    source: chain,
    authorize,
    audit: (entry) => entries.push(entry),
    snapshots: { signer: await key(7), directory: join(tempDir(t), 'snapshots') },
  });
  t.teardown(() => middleware.close());
  const url = `${await listen(t, express().use('/sync', middleware))}/sync`;
  const read = async (path: string, method = 'GET'): Promise<number> => {
    const headers = { ...bearer('one').headers, 'accept-encoding': 'identity' };
    const response = await fetch(`${url}/${path}`, { method, headers });
    return (await response.arrayBuffer()).byteLength;
  };
  const ranged = await read('json?from=3&to=7');
  await read('stream?from_height=190&to_height=195&codec=gzip');
  await read('stream?from_height=198&codec=identity');
  await read('json?from=3&to=7', 'HEAD');
  await read('status');
  await until(
    async () => (await fetch(`${url}/snapshot/manifest?type=recent`, bearer('two'))).status === 200,
  );
  await (await fetch(`${url}/snapshot?type=recent`, bearer('two'))).arrayBuffer();
  await until(() => entries.some(({ way }) => way === 'snapshot'));

  t.deepEqual(
    entries.map(({ principal, way, from, to }) => [principal, way, from, to]),
    [
      ['hospital-1', 'json', 3, 7],
      ['hospital-1', 'stream', 190, 195],
      ['hospital-1', 'stream', 198, 199],
      ['hospital-2', 'snapshot', 0, 199],
    ],
  );
  t.is(entries[0]?.bytes, ranged);
  for (const { at, client } of entries) {
    t.true(Date.parse(at) >= before - 1 && Date.parse(at) <= Date.now());
    t.is(client, '127.0.0.1');
  }
});

test('a tile that is given is in the audit with its heights, and a follower with what it was sent live', async (t) => {
  const chain = await tiledChain(t, tiledDocuments(200));
  const entries: AuditEntry[] = [];
  const server = createSyncServer({ source: chain, audit: (entry) => entries.push(entry) });
  t.teardown(() => server.close());
  const url = `${await listen(t, nodeListener(server))}/sync`;
  const engine = createSyncEngine({ peers: [url], storage: { use: 'memory' }, follow: true });
  t.teardown(() => engine.close());
  const started = engine.start();
  await until(() => engine.state.phase === 'synced');
  await chain.append(sealedChainOn(chain, 3));
  await until(() => engine.state.checkpoint?.head?.height === 202);
  await engine.close();
  await started;
  await until(() => entries.some(({ way }) => way === 'stream'));
  const heights = new Set<number>();
  for (const { from, to } of entries) for (let height = from; height <= to; height++) heights.add(height);
  t.is(heights.size, 203);
  t.true(entries.every(({ principal }) => principal === null));
});

function sealedChainOn(chain: Chain, count: number): Uint8Array[] {
  const height = chain.tip().head?.height ?? -1;
  return blocksOn(chain.tip().head, count, `from ${height}`);
}

test('a shared cache and `authorize` do not go together', async (t) => {
  const source = await openChain({ storage: { use: 'memory' } });
  t.teardown(() => source.close());
  t.throws(() => syncMiddleware({ source, authorize, cache: 'public' }), {
    instanceOf: TypeError,
    message: /`cache` can't be `public` with `authorize`/,
  });
});

tlsTest('a client is known by its certificate', async (t, tls) => {
  const client = selfSigned();
  const sync = createSyncServer({
    source: new MemorySource(sealedChain(5)),
    authorize: ({ req }) => {
      const socket = req?.socket as TLSSocket;
      return socket.authorized ? { id: String(socket.getPeerCertificate().subject.CN) } : null;
    },
  });
  const server = createServer(
    { ...tls, requestCert: true, rejectUnauthorized: false, ca: client.cert },
    nodeListener(sync),
  );
  t.teardown(async () => {
    await sync.close();
    server.closeAllConnections();
    server.close();
  });
  const url = `https://127.0.0.1:${await listenAt(server)}`;
  const run = async (own: object): Promise<void> => {
    const engine = createSyncEngine({
      peers: [url],
      storage: { use: 'memory' },
      proxy: null,
      tls: { ca: tls.cert, ...own },
    });
    t.teardown(() => engine.close());
    await engine.start();
  };
  await t.notThrowsAsync(run({ cert: client.cert, key: client.key }));
  await t.throwsAsync(run({}), { code: 'PEER_UNAUTHORIZED' });
});

test('serve --token-file lets those in whose token is in the file, from when it is there', async (t) => {
  const file = join(tempDir(t), 'tokens');
  writeFileSync(file, '# who may read\nhospital-1 0123456789abcdef\n');
  const data = tempDir(t);
  const chain = await openChain({ storage: { use: 'leveldb', location: data } });
  await chain.append(sealedChain(3));
  await chain.close();
  const { cli, url } = await serveCommand(t, data, '--token-file', file, '--log', 'json');
  const ask = async (token: string): Promise<number> => {
    const response = await fetch(`${url}/sync/stream`, bearer(token));
    await response.text();
    return response.status;
  };
  t.is((await fetch(`${url}/sync/status`)).status, 401);
  t.is(await ask('0123456789abcdef'), 200);
  t.is(await ask('fedcba9876543210'), 401);
  appendFileSync(file, 'hospital-2 fedcba9876543210\n');
  await until(async () => (await ask('fedcba9876543210')) === 200);
  writeFileSync(file, 'hospital-2 short\n');
  await until(async () => (await ask('fedcba9876543210')) === 500);
  cli.kill('SIGTERM');
  const { stderr } = await cli.finished;
  t.regex(stderr, /"principal":"hospital-2"/);
  t.notRegex(stderr, /fedcba|012345/);
});
