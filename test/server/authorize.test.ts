import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { RequestListener } from 'node:http';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import express from 'express';
import test, { type ExecutionContext } from 'ava';
import { guardedServer } from '../../examples/authorize.js';
import { http2Fetch } from '../../src/http2-client/index.js';
import { type Chain, createSyncEngine, openChain, SyncError } from '../../src/index.js';
import { createMetrics } from '../../src/metrics/index.js';
import { Access } from '../../src/server/access/access.js';
import {
  type AuditEntry,
  type Authorize,
  syncMiddleware,
  type SyncMiddlewareOptions,
} from '../../src/server/express.js';
import { createHttp2CleartextServer } from '../../src/server/http2.js';
import { createSyncServer, nodeListener, type ServerEvent } from '../../src/server/index.js';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/limits.js';
import { tokenFile } from '../../src/cli/serve/token-file.js';
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

const ADAPTERS: Readonly<
  Record<string, (t: ExecutionContext, listener: RequestListener) => Promise<string>>
> = {
  'HTTP/1.1': (t, listener) => listen(t, listener),
  'HTTP/2': async (t, listener) => {
    const server = createHttp2CleartextServer(listener);
    t.teardown(() => server.close());
    return `http://127.0.0.1:${await listenAt(server)}`;
  },
};

for (const [adapter, listenWith] of Object.entries(ADAPTERS))
  for (const host of ['Express', 'a listener of Node'])
    test(`every path of the service asks who comes, over ${adapter} and in ${host}`, async (t) => {
      const source = await tiledChain(t, tiledDocuments(200));
      const asked: string[] = [];
      const options: SyncMiddlewareOptions = {
        source,
        authorize: ({ method, path }) => {
          asked.push(`${method} ${path}`);
          return null;
        },
        metrics: createMetrics(),
        snapshots: { signer: await key(7), directory: join(tempDir(t), 'snapshots') },
      };
      const express1 = syncMiddleware(options);
      const plain = createSyncServer({ ...options, metrics: null });
      t.teardown(() => Promise.all([express1.close(), plain.close()]));
      const inExpress = express().use('/sync', express1) as RequestListener;
      const url = await listenWith(t, host === 'Express' ? inExpress : nodeListener(plain));
      const client = http2Fetch();
      t.teardown(() => client.close());
      const send = adapter === 'HTTP/2' ? client : fetch;
      const signal = AbortSignal.timeout(60_000);
      const paths = [
        '/status',
        '/stream',
        '/json',
        '/tiles/0',
        '/tiles/index',
        '/snapshot',
        '/snapshot/manifest',
        '/snapshot/x',
        ...(host === 'Express' ? ['/metrics'] : []),
      ];
      for (const path of paths) {
        for (const method of ['GET', 'HEAD'] as const) {
          const init = { method, headers: {}, redirect: 'manual', signal } as const;
          const { status, body } = await send(new URL(`${url}/sync${path}`), init);
          await body?.cancel();
          t.is(status, 401, path);
          t.is(asked.pop(), `${method} ${path}`);
        }
        if (adapter === 'HTTP/2') continue;
        for (const method of ['OPTIONS', 'POST', 'DELETE'])
          t.is((await fetch(`${url}/sync${path}`, { method })).status, 405, `${method} ${path}`);
      }
      t.deepEqual(asked, []);
    });

test('of one address only so many wait at a slow host, and others are not kept from it', async (t) => {
  const release: (() => void)[] = [];
  let address = 'a';
  const url = await serve(t, {
    clientKey: () => address,
    limits: { maxAnswersPerClient: 2, maxStreams: 3 },
    authorize: () =>
      new Promise((resolve) => {
        release.push(() => {
          resolve({ id: 'x' });
        });
      }),
  });
  const ask = (): Promise<number> => fetch(`${url}/status`).then(({ status }) => status);
  const waiting = [ask(), ask()];
  await until(() => release.length === 2);
  t.is(await ask(), 429);
  address = 'b';
  waiting.push(ask());
  await until(() => release.length === 3);
  address = 'c';
  t.is(await ask(), 503);
  for (const go of release.splice(0)) go();
  t.deepEqual(await Promise.all(waiting), [200, 200, 200]);
  waiting.push(ask());
  await until(() => release.length === 1);
  release[0]?.();
  t.is(await waiting.at(-1), 200);
});

test('streams and refusals are told with whom they are for, also of a query that can not be read', async (t) => {
  const events: ServerEvent[] = [];
  const onEvent = (message: unknown): void => {
    const { server, event } = message as { readonly server: unknown; readonly event: ServerEvent };
    if (server === sync) events.push(event);
  };
  const sync = createSyncServer({ source: new MemorySource(sealedChain(5)), authorize });
  subscribe('blockferry:server', onEvent);
  t.teardown(async () => {
    unsubscribe('blockferry:server', onEvent);
    await sync.close();
  });
  const url = `${await listen(t, nodeListener(sync))}/sync`;
  for (const path of ['json?from=x', 'json?from=%zz', 'nothing'])
    await (await fetch(`${url}/${path}`, bearer('one'))).text();
  await (await fetch(`${url}/json`, bearer('wrong'))).text();
  await (await fetch(`${url}/stream?from_height=2`, bearer('two'))).text();
  t.like(
    events.find(({ type }) => type === 'opened'),
    { principal: 'hospital-2', from: '2' },
  );
  t.deepEqual(
    events.flatMap((event) => (event.type === 'refused' ? [[event.path, event.code, event.principal]] : [])),
    [
      ['/json', 'BAD_REQUEST', 'hospital-1'],
      ['/json', 'BAD_REQUEST', null],
      ['/nothing', 'NOT_FOUND', null],
      ['/json', 'UNAUTHORIZED', null],
    ],
  );
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
  const never: Authorize = ({ signal }) => {
    signals.push(signal);
    return new Promise(() => undefined);
  };
  const access = new Access(never, DEFAULT_SERVER_LIMITS, 20);
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
  const asked = new Access(never, DEFAULT_SERVER_LIMITS).principal(request, gone.signal);
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
  // One that nobody refers to any more is called off when garbage is collected.
  const streams: Response[] = [];
  const open = async (who: string): Promise<number> => {
    const headers = { 'x-who': who };
    const response = await fetch(`${url}/stream?follow=true`, { headers, signal: stop.signal });
    streams.push(response);
    return response.status;
  };
  t.deepEqual([await open('small'), await open('small')], [200, 429]);
  t.deepEqual(
    [await open('large'), await open('large'), await open('large'), await open('large')],
    [200, 200, 200, 429],
  );
  t.is(await open('other'), 200);
  t.is(streams.length, 7);
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

tlsTest('a client is known by its certificate or its token, as in the documentation', async (t, tls) => {
  const client = selfSigned();
  const source = await openChain({ storage: { use: 'memory' } });
  t.teardown(() => source.close());
  await source.append(sealedChain(5));
  const sha256 = createHash('sha256').update('s3cret').digest('hex');
  const lines: string[] = [];
  const readers = [
    { id: 'nobody', sha256: '' },
    { id: 'hospital-1', sha256 },
  ];
  const server = guardedServer(source, readers, { ...tls, ca: client.cert }, (line) => lines.push(line));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `https://127.0.0.1:${await listenAt(server)}/sync`;
  const run = async (own: object, headers = {}): Promise<void> => {
    const engine = createSyncEngine({
      peers: [{ url, headers }],
      storage: { use: 'memory' },
      proxy: null,
      tls: { ca: tls.cert, ...own },
    });
    t.teardown(() => engine.close());
    await engine.start();
  };
  await t.notThrowsAsync(run({ cert: client.cert, key: client.key }));
  await t.notThrowsAsync(run({}, { authorization: 'Bearer s3cret' }));
  await t.throwsAsync(run({}, { authorization: 'Bearer wrong' }), { code: 'PEER_UNAUTHORIZED' });
  await t.throwsAsync(run({ cert: tls.cert, key: tls.key }), { code: 'PEER_UNAUTHORIZED' });
  await t.throwsAsync(run({}), { code: 'PEER_UNAUTHORIZED' });
  await until(() => lines.length >= 2);
  t.regex(lines[0] ?? '', /^\S+ localhost read 0 to 4 by /);
  t.regex(lines[1] ?? '', /^\S+ hospital-1 read 0 to 4 by /);
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

test('a token file is read once a second at most, and not while it is being read', async (t) => {
  const file = join(tempDir(t), 'tokens');
  const lines = (count: number): string =>
    Array.from({ length: count }, (_, i) => `reader-${i} ${String(i).padStart(16, '0')}\n`).join('');
  writeFileSync(file, lines(3));
  let now = 0;
  const known = await tokenFile(file, () => now);
  const who = async (token: string): Promise<string | null> => {
    const header = (): string => `Bearer ${token}`;
    const { signal } = new AbortController();
    const found = await known({ method: 'GET', path: '/json', client: 'a', req: null, signal, header });
    return found?.id ?? null;
  };
  t.is(await who('0000000000000002'), 'reader-2');
  t.is(await who('0000000000000003'), null);
  writeFileSync(file, lines(4));
  t.is(await who('0000000000000003'), null, 'it is read once a second');
  now += 1_000;
  t.is(await who('0000000000000003'), 'reader-3');
  // A pipe that nobody writes to: a second look at it would wait beside the first.
  rmSync(file);
  spawnSync('mkfifo', [file]);
  now += 1_000;
  const asked = [who('0000000000000003'), who('0000000000000002')];
  now += 1_000;
  asked.push(who('0000000000000001'));
  await writeFile(file, lines(3));
  t.deepEqual(await Promise.all(asked), [null, 'reader-2', 'reader-1'], 'one writer was enough for all');
});
