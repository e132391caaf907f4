import { createHash } from 'node:crypto';
import { getEventListeners } from 'node:events';
import type { ServerResponse } from 'node:http';
import test from 'ava';
import type { WireItem } from '../../src/contracts/index.js';
import { isSyncError, SyncError, type ErrorCode } from '../../src/errors/index.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { standsStill, until } from '../helpers/waiting.js';
import {
  codeOf,
  fetchAll,
  heights,
  plain,
  serve,
  serveRanges,
  streamRequest,
  texts,
  toTexts,
  transport,
  type Handler,
} from './transport-json-range-support.js';

const KIB = 1024;

/** About 32 KB that no encoding makes much smaller. */
const noise = (height: number): object => ({
  text: Array.from({ length: 256 }, (_each, i) =>
    createHash('sha512').update(`${height} ${i}`).digest('hex'),
  ).join(''),
});
const large = sealedChain(300, noise);
const small = sealedChain(200);
const bytesOf = (items: readonly WireItem[]): number =>
  items.reduce((sum, item) => sum + (item.kind === 'frame' ? item.bytes.length : 0), 0);

/** The global `fetch`, with a count of the bytes that were read out of its bodies. */
function countingFetch(): { fetch: typeof globalThis.fetch; readonly read: { bytes: number } } {
  const read = { bytes: 0 };
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const response = await globalThis.fetch(input, init);
    const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
    if (reader === undefined) return response;
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const { value } = await reader.read();
          if (value === undefined) controller.close();
          else {
            read.bytes += value.length;
            controller.enqueue(value);
          }
        },
        cancel: (reason) => reader.cancel(reason),
      },
      { highWaterMark: 0 },
    );
    return new Response(body, { status: response.status, headers: response.headers });
  };
  return { fetch, read };
}

test('a consumer that takes its time stops the reading from the network', async (t) => {
  const { peer } = await serveRanges(t, new MemorySource(large, { batch: 10, codec: 'identity' }));
  const { fetch, read } = countingFetch();
  const options = { targetRangeBytes: 512 * KIB };
  const { signal } = new AbortController();
  let taken = 0;
  let most = 0;
  let blocks = 0;
  for await (const items of transport(options, {}, fetch).open(streamRequest(peer), { signal })) {
    taken += bytesOf(items);
    blocks += heights(items).length;
    // Every now and then it waits until nothing moves any more.
    if (blocks % 100 === 50) await standsStill(() => read.bytes);
    most = Math.max(most, read.bytes - taken);
  }
  t.is(blocks, 300);
  // What was read ahead: two reads of at most 64 KiB, and the two documents that they are parts of.
  t.true(most > 0, `${most} bytes were held at most`);
  t.true(most < (2 * 64 + 2 * 40) * KIB, `${most} bytes were held at most`);
});

test('a range has at least one block, however few bytes are wanted', async (t) => {
  const { peer } = await serveRanges(t, new MemorySource(large.slice(0, 60), { codec: 'identity' }));
  const { items, error } = await fetchAll(peer, {}, { targetRangeBytes: 1 });
  t.is(error, null);
  t.deepEqual(texts(items), toTexts(large.slice(0, 60)));
});

/** No connection outlives its response, so that every open socket is a request under way. */
const closing =
  (handler: Handler): Handler =>
  (request, response) => {
    response.shouldKeepAlive = false;
    handler(request, response);
  };

test('a consumer that stops early ends every request and every socket', async (t) => {
  const source = new MemorySource(large, { codec: 'identity' });
  const { peer, sockets, errors } = await serveRanges(t, source, { wrap: closing });
  const { signal } = new AbortController();
  const options = { targetRangeBytes: 2 * KIB * KIB };
  let blocks = 0;
  for await (const items of transport(options).open(streamRequest(peer), { signal })) {
    blocks += heights(items).length;
    if (blocks > 40) break;
  }
  await until(() => sockets.size === 0);
  t.is(getEventListeners(signal, 'abort').length, 0);
  t.deepEqual(errors, []);
});

test('ranges under way are called off with the signal, with its reason', async (t) => {
  const source = new MemorySource(large, { codec: 'identity' });
  const { peer, sockets } = await serveRanges(t, source, { wrap: closing });
  const controller = new AbortController();
  const options = { targetRangeBytes: 2 * KIB * KIB };
  const reason = new SyncError('STREAM_NO_PROGRESS', 'enough');
  let blocks = 0;
  const error: unknown = await t.throwsAsync(async () => {
    for await (const items of transport(options).open(streamRequest(peer), controller)) {
      blocks += heights(items).length;
      if (blocks > 40) controller.abort(reason);
    }
  });
  t.true(isSyncError(error, 'STREAM_NO_PROGRESS'));
  t.true(blocks < 300);
  t.is(getEventListeners(controller.signal, 'abort').length, 0);
  await until(() => sockets.size === 0);
});

test('a signal that has fired already sends nothing', async (t) => {
  const { peer, targets } = await serveRanges(t, new MemorySource(small));
  const error: unknown = await t.throwsAsync(async () => {
    for await (const items of transport().open(streamRequest(peer), { signal: AbortSignal.abort() }))
      t.log(items);
  });
  t.true(isSyncError(error, 'ABORTED'));
  t.deepEqual(targets, []);
});

/** Answers the ranges below a height, and lets `respond` have the others. */
const until100 = (respond: (response: ServerResponse, body: string) => void): ReturnType<typeof plain> =>
  plain((from, to, response) => {
    const body = `[${toTexts(small.slice(from, to + 1)).join(',')}]`;
    if (to >= 100) respond(response, body);
    else response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });
const ranges = { targetRangeBytes: 6000 };

const silent: readonly [string, ErrorCode, number, (response: ServerResponse, body: string) => void][] = [
  ['does not answer', 'PEER_TIMEOUT', 0, () => undefined],
  [
    'falls silent',
    'STREAM_IDLE',
    1,
    (response, body) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(body.slice(0, body.indexOf('},{"hash"') + 40));
    },
  ],
  [
    'sends nothing but white space',
    'STREAM_NO_PROGRESS',
    0,
    (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('[');
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => {
        clearInterval(timer);
      });
    },
  ],
];
for (const [what, code, more, respond] of silent) {
  test.serial(`a peer that ${what} in a later range is left, after the blocks before it`, async (t) => {
    const { peer, sockets } = await serve(t, closing(until100(respond)));
    const limits = {
      firstByteTimeoutMs: code === 'PEER_TIMEOUT' ? 1000 : 10_000,
      idleTimeoutMs: code === 'STREAM_IDLE' ? 1000 : 10_000,
      progressTimeoutMs: code === 'STREAM_NO_PROGRESS' ? 1000 : 10_000,
    };
    const outcome = await fetchAll(peer, {}, ranges, limits);
    t.is(codeOf(outcome), code);
    const got = heights(outcome.items);
    t.true(got.length > 80 + more && got.length <= 100 + more, `${got.length}`);
    t.deepEqual(texts(outcome.items), toTexts(small.slice(0, got.length)));
    await until(() => sockets.size === 0);
  });
}

test('the times do not run while the consumer takes its time', async (t) => {
  const { peer } = await serveRanges(
    t,
    new MemorySource(large.slice(0, 100), { batch: 5, codec: 'identity' }),
  );
  const limits = { firstByteTimeoutMs: 5000, idleTimeoutMs: 1000, progressTimeoutMs: 1000 };
  const options = { targetRangeBytes: 256 * KIB };
  const { signal } = new AbortController();
  let blocks = 0;
  let waited = false;
  for await (const items of transport(options, limits).open(streamRequest(peer), { signal })) {
    blocks += heights(items).length;
    if (blocks < 30 || waited) continue;
    waited = true;
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }
  t.is(blocks, 100);
});

const statuses: readonly [number, object, Record<string, string>, ErrorCode][] = [
  [400, { code: 'BAD_REQUEST' }, {}, 'BAD_REQUEST'],
  [401, {}, {}, 'PEER_UNAUTHORIZED'],
  [403, {}, {}, 'PEER_UNAUTHORIZED'],
  [404, {}, {}, 'PEER_NOT_FOUND'],
  [302, {}, { location: '/elsewhere' }, 'REDIRECT_REFUSED'],
  [429, {}, { 'retry-after': '3' }, 'PEER_BUSY'],
  [500, {}, {}, 'PEER_BUSY'],
  [204, {}, {}, 'PEER_NOT_SYNC'],
  [206, {}, {}, 'PEER_NOT_SYNC'],
];
for (const [status, body, headers, code] of statuses) {
  test(`status ${status} to a range is ${code}`, async (t) => {
    const { peer } = await serve(
      t,
      plain((_from, _to, response) => {
        response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
        response.end(status === 204 ? undefined : JSON.stringify(body));
      }),
    );
    const outcome = await fetchAll(peer);
    t.is(codeOf(outcome), code);
    t.is(outcome.error?.context.peer, peer.url);
    t.is(outcome.error?.context.retryAfterMs, status === 429 ? 3000 : undefined);
    t.deepEqual(outcome.items, []);
  });
}

test('a failure of a later range comes after the blocks before it', async (t) => {
  const { peer } = await serve(
    t,
    until100((response) => {
      response.writeHead(403).end();
    }),
  );
  const outcome = await fetchAll(peer, {}, ranges);
  t.is(codeOf(outcome), 'PEER_UNAUTHORIZED');
  const got = texts(outcome.items);
  t.true(got.length > 80);
  t.deepEqual(got, toTexts(small.slice(0, got.length)));
});

test('a peer that nobody answers for is unreachable', async (t) => {
  const outcome = await fetchAll({ url: 'http://127.0.0.1:9/sync', headers: {} });
  t.is(codeOf(outcome), 'PEER_UNREACHABLE');
});

test('the headers of the peer go with every request', async (t) => {
  const seen: unknown[] = [];
  const { peer } = await serveRanges(t, new MemorySource(small), {
    wrap: (handler) => (request, response) => {
      seen.push(request.headers.authorization);
      handler(request, response);
    },
  });
  await fetchAll({ ...peer, headers: { Authorization: 'Bearer x' } }, {}, ranges);
  t.true(seen.length > 5);
  t.deepEqual(new Set(seen), new Set(['Bearer x']));
});
