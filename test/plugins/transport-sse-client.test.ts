import { getEventListeners } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { sseTransport } from '../../plugins/transport-sse/client/client.js';
import { formatErrorEvent, formatRollbackEvent } from '../../plugins/transport-sse/server/format.js';
import { formatBlockEvent } from '../helpers/block-event.js';
import type { WireItem } from '../../src/contracts/index.js';
import { until } from '../helpers/waiting.js';
import {
  block,
  codeOf,
  complete,
  document,
  fetchAll,
  heights,
  run,
  serve,
  stream,
  streamRequest,
  transport,
} from './transport-sse-client-support.js';

test('blocks come in order with their bytes, then complete, then the end', async (t) => {
  const peer = await serve(t, stream(': hello\n\n', block(0), block(1), complete(1)));
  const { items, error } = await fetchAll(peer);
  t.is(error, null);
  t.deepEqual(
    items.map((item) => item.kind),
    ['frame', 'frame', 'complete'],
  );
  t.deepEqual(items[2], { kind: 'complete', head: { height: 1, hash: 'h1' } });
  for (const [height, item] of items.slice(0, 2).entries()) {
    if (item.kind !== 'frame') return t.fail();
    t.is(item.height, height);
    t.is(item.codec, 'gzip');
    t.deepEqual(gunzipSync(item.bytes), document(height));
  }
});

test('the request says what is wanted and carries the headers of the peer', async (t) => {
  const requests: IncomingMessage[] = [];
  const peer = await serve(t, (request, response) => {
    requests.push(request);
    stream(complete(9))(request, response);
  });
  await fetchAll({ ...peer, headers: { Authorization: 'Bearer x', ACCEPT: 'text/html' } });
  await fetchAll(peer, {
    after: { height: 41, hash: 'a b&c' },
    from: 42,
    to: 50,
    acceptCodecs: ['identity', 'gzip'],
  });
  await fetchAll(peer, { follow: true, after: { height: 3, hash: 'h3' }, from: 9 });
  t.deepEqual(
    requests.map(({ url }) => url?.replace(/(?<=&client=)[\w-]{22}$/, 'NAME')),
    [
      '/sync/stream?from_height=0&codec=gzip',
      '/sync/stream?from_height=42&codec=identity&parent_hash=a+b%26c&to_height=50',
      '/sync/stream?from_height=9&codec=gzip&follow=true&client=NAME',
    ],
  );
  t.is(requests[0]?.headers.authorization, 'Bearer x');
  t.is(requests[0]?.headers.accept, 'text/event-stream');
  t.is(requests[0]?.headers['accept-encoding'], 'identity');
  t.not(requests[1]?.headers['accept-encoding'], 'identity');
});

test('a plain server may leave out ids and the hash of the head', async (t) => {
  const withoutId = Buffer.from(block(0)).toString().replace('id: 0\n', '');
  const peer = await serve(t, stream(withoutId, 'event: complete\ndata: {"height":0}\n\n'));
  const { items, error } = await fetchAll(peer);
  t.is(error, null);
  t.deepEqual(heights(items), [null]);
  t.deepEqual(items[1], { kind: 'complete', head: { height: 0, hash: null } });
});

test('an empty chain is complete without a head', async (t) => {
  const peer = await serve(t, stream('event: complete\ndata: {"height":null,"hash":null}\n\n'));
  t.deepEqual((await fetchAll(peer)).items, [{ kind: 'complete', head: null }]);
});

test('identity blocks come as the bytes that were sent, UTF-8 or not', async (t) => {
  const bytes = Buffer.concat([
    Buffer.from('{"name":"J\u00f6rg \u{1f9ec}"'),
    Buffer.of(0xff, 0x00),
    Buffer.from('}'),
  ]);
  const header = { height: 0, hash: 'h0', previousHash: '', timestamp: null };
  const peer = await serve(t, stream(formatBlockEvent({ header, codec: 'identity', bytes }), complete(0)));
  const { items } = await fetchAll(peer, { acceptCodecs: ['identity'] });
  const [frame] = items;
  t.deepEqual(frame?.kind === 'frame' ? Buffer.from(frame.bytes) : null, bytes);
});

test('events of unknown types and default messages are ignored', async (t) => {
  const peer = await serve(t, stream('event: news\ndata: 1\n\ndata: hi\n\n', block(0), complete(0)));
  t.deepEqual(heights((await fetchAll(peer)).items), [0]);
});

test('nothing after complete counts, and the response is given up', async (t) => {
  let closed = false;
  const peer = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(Buffer.concat([complete(0), block(1)]));
    response.on('close', () => (closed = true));
  });
  const { items, error } = await fetchAll(peer);
  t.is(error, null);
  t.deepEqual(heights(items), []);
  await until(() => closed);
});

test('a following stream goes on after complete, with rollbacks, to where its server ends it in good order', async (t) => {
  const peer = await serve(
    t,
    stream(block(0), complete(0), block(1), formatRollbackEvent({ height: 0, hash: 'h0' }), block(1)),
  );
  const outcome = await fetchAll(peer, { follow: true });
  t.deepEqual(
    outcome.items.map((item) => item.kind),
    ['frame', 'complete', 'frame', 'rollback', 'frame'],
  );
  t.is(outcome.error, null);
});

test('the end of a following stream is an interruption before complete, in an event, and when it asks for a pause', async (t) => {
  for (const parts of [
    [block(0)],
    [block(0), complete(0), block(1).subarray(0, -1)],
    [block(0), complete(0), 'retry: 2000\n\n'],
  ]) {
    const outcome = await fetchAll(await serve(t, stream(...parts)), { follow: true });
    t.is(codeOf(outcome), 'STREAM_TRUNCATED');
  }
});

test('a stream cut at any byte yields only whole blocks without a gap', async (t) => {
  const events = [block(0), block(1), block(2)];
  const ends = events.map((_, i) => Buffer.concat(events.slice(0, i + 1)).length);
  const whole = Buffer.concat([...events, complete(2)]);
  let cutAt = 0;
  let clean = false;
  const peer = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(whole.subarray(0, cutAt), () => {
      if (clean) response.end();
      else response.destroy();
    });
    if (cutAt === 0) response.flushHeaders();
  });
  for (cutAt = 0; cutAt < whole.length; cutAt++) {
    clean = cutAt % 2 === 0;
    const outcome = await fetchAll(peer);
    const expected = ends.filter((end) => end <= cutAt).length;
    // A reset may overtake bytes that were sent before it, so then fewer blocks are right, but never others.
    const got = heights(outcome.items);
    t.deepEqual(got, [0, 1, 2].slice(0, clean ? expected : got.length), `cut at ${cutAt}`);
    t.true(got.length <= expected);
    t.true(['STREAM_TRUNCATED', 'PEER_UNREACHABLE'].includes(codeOf(outcome) ?? ''), `cut at ${cutAt}`);
    if (clean || got.length > 0) t.is(codeOf(outcome), 'STREAM_TRUNCATED');
  }
});

test('what came whole before a broken event is yielded before the error', async (t) => {
  const peer = await serve(
    t,
    stream(Buffer.concat([block(0), block(1), Buffer.from('event: block\ndata: ?\n\n')])),
  );
  const outcome = await fetchAll(peer);
  t.deepEqual(heights(outcome.items), [0, 1]);
  t.is(codeOf(outcome), 'CODEC_CORRUPT');
  t.is(outcome.error?.context.peer, peer.url);
});

test('retry tells how long to wait after an interruption, within bounds', async (t) => {
  for (const [sent, expected] of [
    ['1', 100],
    ['2500', 2500],
    ['99999999', 60_000],
  ] as const) {
    const peer = await serve(t, stream(`retry: ${sent}\n\n`, block(0)));
    t.is((await fetchAll(peer)).error?.context.retryAfterMs, expected);
  }
});

test('an error event ends the stream with what it says', async (t) => {
  const events = {
    PEER_ERROR: 'event: error\ndata: {"error":"boom","code":"SOMETHING"}\n\n',
    BELOW_BASE: Buffer.from(formatErrorEvent('BELOW_BASE', 'pruned')).toString(),
  };
  for (const [code, event] of Object.entries(events)) {
    const peer = await serve(t, stream(block(0), event, block(1)));
    const outcome = await fetchAll(peer);
    t.deepEqual(heights(outcome.items), [0]);
    t.is(codeOf(outcome), code as never);
  }
});

test("the peer's own troubles never look like the client's", async (t) => {
  for (const code of ['ABORTED', 'STORE_DAMAGED', 'ENGINE_CLOSED', 'HASH_MISMATCH', 'toString'] as const) {
    const peer = await serve(t, stream(`event: error\ndata: {"error":"x","code":"${code}"}\n\n`));
    t.is(codeOf(await fetchAll(peer)), 'PEER_ERROR');
  }
});

test('one read of the network becomes one array', async (t) => {
  const peer = await serve(t, stream(Buffer.concat([block(0), block(1), block(2), complete(2)])));
  const batches: (readonly WireItem[])[] = [];
  const { signal } = new AbortController();
  await run(transport().open(streamRequest(peer), { signal }), (batch) => batches.push(batch));
  t.is(batches.length, 1);
  t.is(batches[0]?.length, 4);
});

test('leaving early closes the connection and removes every listener', async (t) => {
  let closed = 0;
  const peer = await serve(t, (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(block(0));
    if (request.url === '/sync/status') response.end();
    response.on('close', () => closed++);
  });
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  const { signal } = new AbortController();
  const sse = transport();
  for (let i = 0; i < 20; i++) {
    const batches = sse.open(streamRequest(peer, { follow: true }), { signal })[Symbol.asyncIterator]();
    t.is((await batches.next()).done, false);
    await batches.return?.();
  }
  for (let i = 0; i < 20; i++) await t.throwsAsync(sse.status(peer, { signal }), { code: 'PEER_NOT_SYNC' });
  await until(() => closed === 40);
  process.off('warning', onWarning);
  t.is(getEventListeners(signal, 'abort').length, 0);
  t.deepEqual(warnings, []);
});

test('aborting ends a stream that waits, with ABORTED or the reason that was given', async (t) => {
  let closed = false;
  const peer = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(block(0));
    response.on('close', () => (closed = true));
  });
  const abort = new AbortController();
  const outcome = await run(transport().open(streamRequest(peer), { signal: abort.signal }), () => {
    setTimeout(() => {
      abort.abort();
    }, 10);
  });
  t.is(codeOf(outcome), 'ABORTED');
  await until(() => closed);
  t.is(getEventListeners(abort.signal, 'abort').length, 0);
  t.is(codeOf(await run(transport().open(streamRequest(peer), { signal: abort.signal }))), 'ABORTED');
});

test('no codec in common is told before a request is made', async (t) => {
  let requests = 0;
  const peer = await serve(t, (request, response) => {
    requests++;
    stream()(request, response);
  });
  t.is(codeOf(await fetchAll(peer, { acceptCodecs: [] })), 'CODEC_UNAVAILABLE');
  t.is(requests, 0);
});

test('the plugin says what it is', (t) => {
  const plugin = sseTransport();
  t.is(plugin.kind, 'transport');
  t.is(plugin.name, 'sse');
  t.is(transport().mode, 'stream');
  t.true(transport().supports.follow);
});
