import test from 'ava';
import express from 'express';
import { gzip } from '../../plugins/codec-gzip/index.js';
import type { SnapshotType } from '../../src/contracts/index.js';
import { createSyncEngine } from '../../src/index.js';
import { optionPaths } from '../helpers/option-table.js';
import { syncMiddleware, type SyncMiddlewareRequest } from '../../src/server/express.js';
import { createMetrics } from '../../src/metrics/index.js';
import { MIDDLEWARE_OPTIONS } from '../../src/server/middleware-options.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { watched } from '../helpers/watched.js';
import { LedgerSource, nodeSigner } from '../plugins/snapshot-server-support.js';

/** Each option set to its default or near it; the signer is an instance, as a key's is. */
function everyOption(directory: string): Record<string, unknown> {
  class Signer {
    readonly #inner = nodeSigner();
    readonly scheme = 'secp256k1';
    readonly publicKey = this.#inner.publicKey;
    sign = (message: string): Promise<string> => this.#inner.sign(message);
  }
  return {
    plugins: [Object.assign(Object.create({}), gzip()) as object],
    snapshots: {
      signer: new Signer(),
      directory,
      types: ['recent', 'full'],
      codecs: ['gzip'],
      recentBlocks: 100,
      every: null,
      refreshAfterMs: null,
      isCatchingUp: () => false,
      keep: 2,
      maxBytes: 1e9,
      maxPartBytes: 1000,
      onEvent: () => undefined,
    },
    cache: 'private',
    authorize: () => ({ id: 'anybody' }),
    challenge: 'Bearer',
    audit: () => undefined,
    readiness: {
      engine: createSyncEngine({ peers: ['http://127.0.0.1:1'], storage: { use: 'memory' } }),
      maxBehindBlocks: 10,
      maxBehindMs: 60_000,
    },
    metrics: createMetrics(),
    logger: new (class Quiet {
      debug = (): void => undefined;
      info = this.debug;
      warn = this.debug;
      error = this.debug;
    })(),
    limits: {
      heartbeatMs: 1000,
      writeStallMs: 1000,
      maxStreamMs: 1000,
      streamLeaseMs: 1000,
      maxBlockBytes: 1e6,
      maxRange: 100,
      maxStreams: 10,
      maxStreamsPerAddress: 10,
      maxAnswersPerClient: 10,
    },
    onError: () => undefined,
    clientKey: () => 'client',
  };
}

test('each option is read once, at the call, and never again', async (t) => {
  const source = await LedgerSource.of(sealedChain(30));
  const { value, seen } = watched({ source, ...everyOption(tempDir(t)) });
  const middleware = syncMiddleware(value);
  t.teardown(() => middleware.close());

  const reads = seen.filter((entry) => entry.startsWith('get ')).map((entry) => entry.slice('get '.length));
  const options = optionPaths(MIDDLEWARE_OPTIONS).filter((path) => !path.includes('[]'));
  for (const path of options) t.is(reads.filter((read) => read === path).length, 1, path);
  seen.length = 0;

  const origin = await listen(t, express().use('/sync', middleware));
  for (const path of ['status', 'stream', 'json', 'snapshot/manifest', 'snapshot', 'json?from=x']) {
    const response = await fetch(`${origin}/sync/${path}`);
    await response.arrayBuffer();
    t.is(response.status, path.includes('from=x') ? 400 : 200, path);
  }
  await middleware.close();
  t.deepEqual(seen, []);
});

test('what is passed is neither changed nor frozen, and changes of it come too late', async (t) => {
  const limits = { maxStreams: 7 };
  const types: SnapshotType[] = ['full'];
  const snapshots = { signer: nodeSigner(), directory: tempDir(t), types };
  const errors: unknown[] = [];
  const options = {
    source: new MemorySource(sealedChain(3)),
    limits,
    snapshots,
    plugins: [gzip()],
    clientKey: (req: SyncMiddlewareRequest) => req.headers['x-tenant'] as string,
    onError: (error: unknown) => errors.push(error),
  };
  const before = { ...options, limits: { ...limits }, snapshots: { ...snapshots, types: [...types] } };
  const middleware = syncMiddleware(options);
  t.teardown(() => middleware.close());
  t.deepEqual({ ...options }, before);
  for (const given of [options, limits, snapshots, types, options.plugins, snapshots.signer])
    t.false(Object.isFrozen(given));

  limits.maxStreams = -1;
  types.length = 0;
  options.plugins.length = 0;
  options.clientKey = () => {
    throw new Error('asked too late');
  };
  options.source = new MemorySource();
  options.onError = () => t.fail();
  const origin = await listen(t, express().use('/sync', middleware));
  const status = (await (await fetch(`${origin}/sync/status`)).json()) as Record<string, unknown>;
  t.like(status, { head: { height: 2 }, limits: { maxStreams: 7 } });
  const stream = await fetch(`${origin}/sync/stream`);
  t.is((await stream.text()).match(/^id: /gm)?.length, 3);
  t.is((await fetch(`${origin}/sync/snapshot/manifest?type=recent`)).status, 404);
  t.deepEqual(errors, []);
});

test('what is frozen is taken', async (t) => {
  const options = Object.freeze({
    source: new MemorySource(),
    limits: Object.freeze({ maxStreams: 1 }),
    plugins: Object.freeze([Object.freeze(gzip())]),
  });
  await t.notThrowsAsync(() => syncMiddleware(options).close());
});
