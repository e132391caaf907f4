import test from 'ava';
import { metricsResponse } from '../../src/server/metrics-page.js';
import type { Endpoint, EndpointResponse, ServerLimits } from '../../src/contracts/index.js';
import { codecRegistry } from '../../src/di/codec-registry.js';
import { inThreadWorkers } from '../../src/workers/in-thread.js';
import { resolveServerParts } from '../../src/di/server-parts.js';
import { ERROR_CODES, SyncError, type ErrorCode } from '../../src/errors/index.js';
import { CODEC_NAMES, STREAM_CODECS } from '../../src/internal/codecs.js';
import { createSyncServer } from '../../src/server/create-server.js';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/limits.js';
import { type SyncServer, SyncServerCore } from '../../src/server/sync-server.js';
import { encodingsHere, isHere } from '../helpers/builtin-codecs.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { until } from '../helpers/waiting.js';

function syncServer(source: MemorySource, changed: Partial<ServerLimits> = {}): SyncServer {
  const limits = { ...DEFAULT_SERVER_LIMITS, ...changed };
  return new SyncServerCore({
    source,
    limits,
    cache: 'private',
    ...resolveServerParts({ source, plugins: [], snapshots: null, limits, cache: 'private' }),
  });
}

interface Ask {
  readonly method?: string;
  readonly address?: string;
  readonly signal?: AbortSignal;
}

function get(server: SyncServer, target: string, ask: Ask = {}): Promise<EndpointResponse> {
  const [path = '', query] = target.split('?');
  const request = {
    method: ask.method ?? 'GET',
    path,
    query: new URLSearchParams(query),
    header: () => null,
    clientKey: ask.address ?? '192.0.2.1',
  };
  return server.handle(request, { signal: ask.signal ?? new AbortController().signal });
}

const json = ({ body }: EndpointResponse): unknown => JSON.parse(Buffer.from(body as Uint8Array).toString());

async function endOf({ body }: EndpointResponse): Promise<void> {
  for await (const chunk of body as AsyncIterable<Uint8Array>) if (chunk.length === 0) return;
}

/** A server whose one endpoint does what a test says. */
function serverWith(handle: Endpoint['handle'], onError?: (error: unknown) => void): SyncServer {
  const endpoint: Endpoint = { name: 'own', codecs: {}, paths: ['/own'], streams: true, handle };
  const source = new MemorySource();
  const limits = { ...DEFAULT_SERVER_LIMITS, maxStreams: 1 };
  return new SyncServerCore({
    source,
    endpoints: [endpoint],
    codecs: codecRegistry([]),
    workers: inThreadWorkers(codecRegistry([])),
    limits,
    cache: 'private',
    onError,
  });
}

test('the status names the chain, where it stands and what is served', async (t) => {
  const source = new MemorySource(sealedChain(12), { base: 2 });
  const response = await get(syncServer(source), '/status');
  t.is(response.status, 200);
  t.is(response.headers['content-type'], 'application/json');
  t.is(response.headers['cache-control'], 'no-cache');
  const { limits, ...status } = json(response) as { limits: ServerLimits };
  t.like(limits, { maxRange: 10_000, maxBlockBytes: 64 * 1024 * 1024 });
  t.deepEqual(status, {
    protocol: 1,
    chain: 'sealed-json',
    proves: null,
    authorship: null,
    chainId: source.frames[0]?.header.hash,
    base: 2,
    head: { height: 11, hash: source.frames[9]?.header.hash },
    confirmed: null,
    finalized: null,
    codecs: {
      stream: STREAM_CODECS.filter(isHere),
      json: [...encodingsHere, 'identity'],
      snapshot: [],
      frames: CODEC_NAMES.filter((codec) => isHere(codec) && codec !== 'bzip2'),
    },
    storedAs: null,
    tiles: null,
    snapshots: [],
    signers: [],
  });
});

test('the status of an empty chain has null where there is nothing', async (t) => {
  const status = json(await get(syncServer(new MemorySource()), '/status'));
  t.like(status, { chainId: null, head: null, finalized: null });
});

test('HEAD has the headers of GET and no body, for errors too', async (t) => {
  const server = syncServer(new MemorySource(sealedChain(2)));
  for (const target of ['/status', '/stream', '/nothing', '/stream?from_height=x']) {
    const head = await get(server, target, { method: 'HEAD' });
    const full = await get(server, target);
    t.is(head.status, full.status);
    t.deepEqual(head.headers, full.headers);
    t.is(head.body, null);
    if (target === '/stream') await endOf(full);
  }
  t.is(server.openStreams, 0);
});

test('a page of metrics that comes late, or that nobody waits for any more, is given up', async (t) => {
  const text = (): Promise<string> => new Promise(() => undefined);
  const page = { contentType: 'text/plain', text, watchServer: () => () => undefined };
  const { signal } = new AbortController();
  await t.throwsAsync(metricsResponse(page, signal, 1), { code: 'SERVER_BUSY' });
  await t.throwsAsync(metricsResponse(page, AbortSignal.timeout(1)), { code: 'ABORTED' });
});

test('a refusal is a problem document with its code', async (t) => {
  const server = syncServer(new MemorySource(sealedChain(12), { base: 10 }));
  const response = await get(server, '/stream?from_height=3');
  t.is(response.headers['content-type'], 'application/problem+json');
  t.deepEqual(json(response), {
    type: 'urn:blockferry:docs/errors.md#below_base',
    title: ERROR_CODES.BELOW_BASE.summary,
    status: 410,
    detail: 'Block 3 is not held; the oldest one here is 10.',
    code: 'BELOW_BASE',
    base: 10,
  });
  const forked = await get(server, `/stream?from_height=12&parent_hash=${'0'.repeat(64)}`);
  t.is(forked.status, 409);
  t.is((json(forked) as { ancestors: unknown[] }).ancestors.length, 2);
});

test('unknown paths are 404 and other methods 405 with Allow', async (t) => {
  const server = syncServer(new MemorySource());
  for (const path of ['/', '', '/stream/', '/STREAM', '/status/x', '/%73tatus', '/__proto__']) {
    t.is((await get(server, path)).status, 404, path);
  }
  for (const method of ['POST', 'OPTIONS', 'DELETE']) {
    const response = await get(server, '/stream', { method });
    t.is(response.status, 405);
    t.is(response.headers['allow'], 'GET, HEAD');
    t.is((json(response) as { code: string }).code, 'METHOD_NOT_ALLOWED');
  }
});

test('what fails inside is told to the operator and not to the client', async (t) => {
  const failures = [
    new TypeError('secret'),
    new SyncError('STORE_DAMAGED', 'secret'),
    new SyncError('STORE_IO', 'secret /path'),
  ];
  for (const failure of failures) {
    const told: unknown[] = [];
    const server = serverWith(
      () => Promise.reject(failure),
      (error) => told.push(error),
    );
    const response = await get(server, '/own');
    t.is(response.status, failure.message.includes('path') ? 503 : 500);
    t.false(JSON.stringify(json(response)).includes('secret'));
    t.deepEqual(told, [failure]);
    t.is(server.openStreams, 0);
  }
});

test('more streams than one address may have are 429, more than there are in all 503', async (t) => {
  const server = syncServer(new MemorySource(sealedChain(1)), { maxStreams: 3, maxStreamsPerAddress: 2 });
  const target = '/stream?follow=true';
  const codeOf = (response: EndpointResponse): ErrorCode => (json(response) as { code: ErrorCode }).code;
  const open = [await get(server, target), await get(server, target)];
  const third = await get(server, target);
  t.is(third.status, 429);
  t.is(codeOf(third), 'TOO_MANY_STREAMS');
  t.regex(third.headers['retry-after'] ?? '', /^\d+$/);
  open.push(await get(server, target, { address: '192.0.2.2' }));
  const fifth = await get(server, target, { address: '192.0.2.3' });
  t.is(fifth.status, 503);
  t.is(codeOf(fifth), 'SERVER_BUSY');
  t.regex(fifth.headers['retry-after'] ?? '', /^\d+$/);
  t.is((await get(server, '/status')).status, 200);
  t.is(server.openStreams, 3);
  for (const { body } of open) {
    const iterator = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.return?.();
    await iterator.return?.();
  }
  t.is(server.openStreams, 0);
});

test('a stream is counted once until it ends, however it ends', async (t) => {
  let returned = 0;
  const body = (chunks: () => Promise<IteratorResult<Uint8Array>>): AsyncIterable<Uint8Array> => ({
    [Symbol.asyncIterator]: () => ({
      next: chunks,
      return: () => Promise.resolve({ done: true as const, value: (returned += 1) }),
    }),
  });
  const one = (): Promise<IteratorResult<Uint8Array>> =>
    Promise.resolve({ done: false, value: Buffer.from('x') });
  const respond = (chunks: typeof one): SyncServer =>
    serverWith(() => Promise.resolve({ status: 200, headers: {}, body: body(chunks) }));
  const iteratorOf = async (server: SyncServer, ask: Ask = {}): Promise<AsyncIterator<Uint8Array>> => {
    const response = await get(server, '/own', ask);
    t.is(server.openStreams, 1);
    return (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  };

  const untouched = respond(one);
  await (await iteratorOf(untouched)).return?.();
  t.is(untouched.openStreams, 0);
  t.is(returned, 1);

  const failing = respond(() => Promise.reject(new Error('x')));
  const failed = await iteratorOf(failing);
  await t.throwsAsync(failed.next());
  await failed.return?.();
  t.is(failing.openStreams, 0);

  const ending = respond(() => Promise.resolve({ done: true, value: undefined }));
  const ended = await iteratorOf(ending);
  await ended.next();
  t.is(ending.openStreams, 0);
  t.is((await get(ending, '/own')).status, 200);
  await ended.return?.();
  t.is(ending.openStreams, 1);

  const leaving = respond(one);
  const controller = new AbortController();
  await iteratorOf(leaving, { signal: controller.signal });
  controller.abort();
  t.is(leaving.openStreams, 0);
});

test('closing ends what is open and refuses what comes after', async (t) => {
  const source = new MemorySource(sealedChain(1));
  const server = syncServer(source);
  const stream = await get(server, '/stream?follow=true&from_height=1');
  const ended = endOf(stream);
  await until(() => source.listeners.size === 1);
  await server.close();
  await ended;
  t.is(source.listeners.size, 0);
  t.is(server.openStreams, 0);
  t.is((await get(server, '/status')).status, 503);
});

test('a request that has had no answer yet when the server closes is told to come again', async (t) => {
  const told: unknown[] = [];
  const server = serverWith(
    (_request, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      }),
    (error) => told.push(error),
  );
  const asked = get(server, '/own');
  await server.close();
  const response = await asked;
  t.is(response.status, 503);
  t.like(json(response), { code: 'SERVER_BUSY' });
  t.is(response.headers['retry-after'], '5');
  t.deepEqual(told, []);
});

test('closing waits for the endpoints, and tells of one that fails', async (t) => {
  const steps: string[] = [];
  const endpoint = (name: string, close: () => Promise<void>): Endpoint => ({
    name,
    codecs: {},
    paths: [`/${name}`],
    streams: false,
    handle: () => Promise.reject(new TypeError('Nothing is asked for.')),
    close,
  });
  const server = new SyncServerCore({
    source: new MemorySource(),
    endpoints: [
      endpoint('failing', () => Promise.reject(new Error('EIO'))),
      endpoint('slow', async () => {
        await new Promise((resolve) => setTimeout(resolve, 30));
        steps.push('slow closed');
      }),
    ],
    codecs: codecRegistry([]),
    workers: inThreadWorkers(codecRegistry([])),
    limits: DEFAULT_SERVER_LIMITS,
    cache: 'private',
    onError: (error) => steps.push(String(error)),
  });
  await Promise.all([server.close(), server.close()]);
  t.deepEqual(steps, ['slow closed', 'Error: EIO']);
});

test('limits that can not be meant are refused', (t) => {
  const limitsOf = (limits: Partial<ServerLimits>): ServerLimits =>
    createSyncServer({ source: new MemorySource(), limits }).limits;
  t.deepEqual(limitsOf({}), DEFAULT_SERVER_LIMITS);
  t.is(limitsOf({ maxStreams: 5 }).maxStreams, 5);
  t.throws(() => limitsOf({ maxStreams: 0 }), { instanceOf: TypeError, message: /maxStreams/ });
  t.throws(() => limitsOf({ heartbeatMs: NaN }), { instanceOf: TypeError });
  t.throws(() => limitsOf({ heartbeat: 1 } as Partial<ServerLimits>), { instanceOf: TypeError });
});
