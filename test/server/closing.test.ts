import { once } from 'node:events';
import { connect, createServer, constants } from 'node:http2';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { PLUGIN_API_VERSION, type EndpointPlugin } from '../../src/contracts/index.js';
import { createSyncServer, nodeListener, type SyncServer } from '../../src/server/index.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';

const ask = (server: SyncServer, path: string, query = '') =>
  server.handle(
    { method: 'GET', path, query: new URLSearchParams(query), header: () => null, clientKey: 'a' },
    { signal: new AbortController().signal },
  );

/** An endpoint with one body. */
function endpoint(streams: boolean, body: () => AsyncIterable<Uint8Array>): EndpointPlugin {
  const handle = () => Promise.resolve({ status: 200, headers: {}, body: body() });
  const create = () => ({ name: 'own', codecs: {}, paths: ['/own'], streams, handle });
  return { kind: 'endpoint', name: 'own', apiVersion: PLUGIN_API_VERSION, create };
}

test('a server that closes waits for reads of the source that are under way', async (t) => {
  const source = new MemorySource(sealedChain(3));
  let release = (): void => undefined;
  let isRead = false;
  source.read = async function* () {
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    isRead = true;
    yield [];
  };
  const server = createSyncServer({ source });
  const { body } = await ask(server, '/stream');
  const next = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]().next();
  let isClosed = false;
  const closed = server.close().then(() => {
    isClosed = true;
  });
  t.true((await next).done);
  await delay(20);
  t.false(isClosed);
  release();
  await closed;
  t.true(isRead);
});

test('a body that has no end and does not hear the signal is ended by its return', async (t) => {
  let returned = 0;
  const body = {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: returned > 0, value: Uint8Array.of(1) }),
      return: () => Promise.resolve({ done: true as const, value: returned++ }),
    }),
  } as unknown as AsyncIterable<Uint8Array>;
  for (const streams of [true, false]) {
    returned = 0;
    const server = createSyncServer({
      source: new MemorySource(),
      plugins: [endpoint(streams, () => body)],
    });
    const response = await ask(server, '/own');
    await (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]().next();
    await server.close({ graceMs: 0 });
    // One that is a whole must not look like one when it was cut short.
    t.is(returned, streams ? 1 : 0);
  }
});

test('answers under way end while a server closes, streams end at once, and new requests are refused', async (t) => {
  const whole = async function* (): AsyncGenerator<Uint8Array> {
    for (let part = 0; part < 5; part++) {
      yield Uint8Array.of(part);
      await delay(10);
    }
  };
  const server = createSyncServer({
    source: new MemorySource(sealedChain(3)),
    plugins: [endpoint(false, whole)],
  });
  const iteratorOf = async (path: string): Promise<AsyncIterator<Uint8Array>> =>
    ((await ask(server, path)).body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const [answer, stream] = [await iteratorOf('/own'), await iteratorOf('/stream')];
  await answer.next();
  let isClosed = false;
  const closed = server.close().then(() => {
    isClosed = true;
  });
  t.true((await stream.next()).done);
  t.is((await ask(server, '/own')).status, 503);
  for (let part = 1; part < 5; part++) {
    t.deepEqual(await answer.next(), { done: false, value: Uint8Array.of(part) });
    t.false(isClosed);
  }
  t.true((await answer.next()).done);
  await closed;
});

test('an answer that does not end is broken off when its time is over', async (t) => {
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) {
      yield Uint8Array.of(1);
      await delay(1);
    }
  };
  let given: AbortSignal | null = null;
  const server = createSyncServer({
    source: new MemorySource(),
    plugins: [
      {
        ...endpoint(false, endless),
        create: () => ({
          ...{ name: 'own', codecs: {}, paths: ['/own'], streams: false },
          handle: (_request: unknown, { signal }: { readonly signal: AbortSignal }) => {
            given = signal;
            return Promise.resolve({ status: 200, headers: {}, body: endless() });
          },
        }),
      },
    ],
  });
  const { body } = await ask(server, '/own');
  await (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]().next();
  const isStopped = (): boolean | undefined => given?.aborted;
  t.false(isStopped());
  await server.close({ graceMs: 20 });
  t.true(isStopped());
});

test('over HTTP/2, a body that breaks off resets its stream, and only that', async (t) => {
  const body = async function* () {
    yield Buffer.from('begun');
    await delay(5);
    throw new Error('EIO');
  };
  const sync = createSyncServer({ source: new MemorySource(), plugins: [endpoint(false, body)] });
  const server = createServer(
    nodeListener(sync) as unknown as Parameters<typeof createServer>[1] & RequestListener,
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.teardown(async () => {
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const stream = client.request({ ':path': '/sync/own' });
  stream.resume();
  stream.on('error', () => undefined);
  await once(stream, 'close').catch(() => undefined);
  t.is(stream.rstCode, constants.NGHTTP2_INTERNAL_ERROR);
  const status = client.request({ ':path': '/sync/status' });
  const [headers] = (await once(status, 'response')) as [Record<string, unknown>];
  t.is(headers[':status'], 200);
  status.close();
});
