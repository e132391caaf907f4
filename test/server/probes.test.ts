import express from 'express';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { createSyncEngine, openChain, type SyncPhase } from '../../src/index.js';
import { type SyncMiddleware, syncMiddleware, type SyncMiddlewareOptions } from '../../src/server/express.js';
import { createSyncServer } from '../../src/server/index.js';
import { READINESS, type WatchedEngine } from '../../src/server/probes/options.js';
import { Readiness } from '../../src/server/probes/readiness.js';
import { serve as serveCommand } from '../cli/cli.js';
import { MemorySource } from '../helpers/memory-source.js';
import { readOptions } from '../../src/internal/options/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen, serveSource } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';

interface Probe {
  readonly status: number;
  readonly told: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

async function probe(url: string): Promise<Probe> {
  const response = await fetch(url);
  return {
    status: response.status,
    told: (await response.json()) as Probe['told'],
    headers: response.headers,
  };
}

async function serve(
  t: ExecutionContext,
  options: SyncMiddlewareOptions,
): Promise<{ readonly middleware: SyncMiddleware; readonly url: string }> {
  const middleware = syncMiddleware(options);
  t.teardown(() => middleware.close());
  const url = await listen(t, express().use('/sync', middleware));
  return { middleware, url: `${url}/sync` };
}

test('a server whose chain can be read lives and is ready, and no cache keeps either', async (t) => {
  const { url } = await serve(t, { source: new MemorySource(sealedChain(3)) });
  const [health, ready] = [await probe(`${url}/health`), await probe(`${url}/ready`)];
  t.deepEqual([health.status, health.told], [200, { status: 'ok' }]);
  t.deepEqual([ready.status, ready.told], [200, { status: 'ready' }]);
  for (const { headers } of [health, ready]) t.is(headers.get('cache-control'), 'no-store');
  const head = await fetch(`${url}/ready`, { method: 'HEAD' });
  t.is(head.status, 200);
  t.is((await fetch(`${url}/health`, { method: 'POST' })).status, 405);
});

test('a store that was closed makes a server not ready, and leaves it alive; strangers get a word for it', async (t) => {
  const chain = await openChain({ storage: { use: 'leveldb', location: tempDir(t) }, chain: 'sealed-json' });
  await chain.append(sealedChain(3));
  const { url } = await serve(t, { source: chain });
  t.is((await probe(`${url}/ready`)).status, 200);
  await chain.close();
  const { status, told, headers } = await probe(`${url}/ready`);
  t.is(status, 503);
  t.is(headers.get('content-type'), 'application/problem+json');
  t.is(headers.get('cache-control'), 'no-store');
  t.deepEqual(told, {
    type: 'urn:blockferry:docs/errors.md#not_ready',
    title: 'The node lives, and is not ready to serve.',
    status: 503,
    detail: 'The node lives, and is not ready to serve.',
    code: 'NOT_READY',
    reason: 'store',
  });
  t.is((await probe(`${url}/health`)).status, 200);
});

test('a store that never answers is not ready after two seconds, and is not asked again and again', async (t) => {
  const source = new MemorySource(sealedChain(3));
  let reads = 0;
  source.header = () => {
    reads += 1;
    return new Promise(() => undefined);
  };
  const readiness = new Readiness(source, null);
  const reasons = await Promise.all(Array.from({ length: 50 }, () => readiness.reason()));
  t.deepEqual([...new Set(reasons)], ['store']);
  t.is(reads, 1);
});

test('each probe that comes later looks at the store anew', async (t) => {
  const source = new MemorySource(sealedChain(3));
  const readiness = new Readiness(source, null);
  t.is(await readiness.reason(), null);
  source.header = () => Promise.reject(new Error('EIO'));
  t.is(await readiness.reason(), 'store');
  source.header = () => Promise.resolve(null);
  t.is(await readiness.reason(), null);
});

test('a server that closes is alive and not ready', async (t) => {
  const server = createSyncServer({ source: new MemorySource(sealedChain(3)) });
  await server.close();
  const ask = async (path: string): Promise<number> => {
    const request = { method: 'GET', path, query: new URLSearchParams(), header: () => null, clientKey: '' };
    return (await server.handle(request, { signal: new AbortController().signal })).status;
  };
  t.is(await ask('/health'), 200);
  t.is(await ask('/ready'), 503);
});

/** An engine that says what a test wants, with a clock. */
class Said implements WatchedEngine {
  state: WatchedEngine['state'] = {
    phase: 'connecting',
    stale: false,
    progress: {
      height: null,
      head: null,
      blocks: 0,
      bytes: 0,
      blocksPerSecond: 0,
      bytesPerSecond: 0,
      etaMs: null,
    },
  };
  readonly listeners = new Set<(state: { readonly phase: SyncPhase }) => void>();
  readonly states = {
    subscribe: (listener: (state: { readonly phase: SyncPhase }) => void) => {
      this.listeners.add(listener);
      return { unsubscribe: () => this.listeners.delete(listener) };
    },
  };

  say(phase: SyncPhase, head: number | null = null, stale = false): void {
    this.state = { phase, stale, progress: { ...this.state.progress, head } };
    for (const listener of this.listeners) listener(this.state);
  }
}

test('a node that follows is ready while it was up to date a short time ago and is not far behind', async (t) => {
  const engine = new Said();
  let now = 0;
  const source = new MemorySource(sealedChain(20));
  const config = readOptions('t', { engine, maxBehindBlocks: 3, maxBehindMs: 1_000 }, READINESS);
  const readiness = new Readiness(source, config, () => now);
  const reason = (): Promise<string | null> => readiness.reason();
  t.is(await reason(), 'syncing', 'it never was up to date');
  engine.say('synced', 19);
  t.is(await reason(), null);
  now = 50_000;
  t.is(await reason(), null, 'it still is, however long ago it came to be');
  engine.say('waiting', 22);
  now += 1_000;
  t.is(await reason(), null);
  now += 1;
  t.is(await reason(), 'syncing');
  engine.say('synced', 22);
  t.is(await reason(), null);
  engine.say('synced', 23);
  t.is(await reason(), 'behind');
  engine.say('synced', 19, true);
  t.is(await reason(), 'stale');
  engine.say('failed');
  t.is(await reason(), 'failed');
  readiness.close();
  t.is(engine.listeners.size, 0);
});

test('a real follower becomes ready when it is up to date, and its server lets go of it', async (t) => {
  const peer = await serveSource(t, new MemorySource(sealedChain(30)));
  const engine = createSyncEngine({
    peers: [peer],
    storage: { use: 'memory' },
    chain: 'sealed-json',
    follow: true,
  });
  t.teardown(() => engine.close());
  const opened = engine.opened();
  const started = engine.start();
  const { middleware, url } = await serve(t, { source: await opened, readiness: { engine } });
  await until(async () => (await probe(`${url}/ready`)).status === 200);
  await middleware.close();
  await engine.close();
  await started;
  t.is((await probe(`${url}/ready`)).told['reason'], 'closing');
});

test('the command answers probes while it has no chain yet, and is ready once it has', async (t) => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    silent.closeAllConnections();
    silent.close();
  });
  const deaf = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const start = async (peer: string): Promise<string> =>
    `${(await serveCommand(t, tempDir(t), '--peer', peer)).url}/sync`;
  const waiting = await start(deaf);
  t.is((await probe(`${waiting}/health`)).status, 200);
  t.is((await probe(`${waiting}/ready`)).told['reason'], 'opening');
  const peer = await serveSource(t, new MemorySource(sealedChain(30)));
  const good = await start(peer);
  await until(async () => (await probe(`${good}/ready`)).status === 200);
  t.is((await probe(`${good}/health`)).status, 200);
});
