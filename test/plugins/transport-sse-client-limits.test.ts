import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import type { Peer } from '../../src/contracts/index.js';
import { standsStill, until } from '../helpers/waiting.js';
import {
  block,
  codeOf,
  complete,
  fetchAll,
  heights,
  pause,
  run,
  serve,
  stream,
  streamRequest,
  transport,
} from './transport-sse-client-support.js';

/** A stream that starts with some bytes and then repeats others at an interval, until the client goes. */
function repeating(
  t: ExecutionContext,
  start: Uint8Array | string,
  everyMs: number,
  more: string | Uint8Array,
): Promise<Peer> {
  return serve(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(start.length > 0 ? start : ':\n\n');
    const timer = setInterval(() => response.write(more), everyMs);
    response.on('close', () => {
      clearInterval(timer);
    });
  });
}

/** Writes as fast as the client takes it. */
function flood(response: ServerResponse, start: string, more: Buffer, onSent: (bytes: number) => void): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(start);
  const next = (): void => {
    if (response.destroyed) return;
    onSent(more.length);
    response.write(more, () => setImmediate(next));
  };
  next();
}

// One at a time: they measure times.
test.serial('a peer that does not answer is left after the connect timeout', async (t) => {
  let closed = false;
  const peer = await serve(t, (_request, response) => {
    response.on('close', () => (closed = true));
  });
  const outcome = await fetchAll(peer, {}, { firstByteTimeoutMs: 100 });
  t.is(codeOf(outcome), 'PEER_TIMEOUT');
  await until(() => closed);
});

test.serial('a stream that falls silent is left after the idle timeout, with what came before', async (t) => {
  const peer = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(block(0));
  });
  const outcome = await fetchAll(peer, {}, { idleTimeoutMs: 100 });
  t.is(codeOf(outcome), 'STREAM_IDLE');
  t.deepEqual(heights(outcome.items), [0]);
});

test.serial('heartbeats keep a stream open but are no progress', async (t) => {
  const peer = await repeating(t, block(0), 20, ': heartbeat\n\n');
  const outcome = await fetchAll(peer, {}, { idleTimeoutMs: 300, progressTimeoutMs: 600 });
  t.is(codeOf(outcome), 'STREAM_NO_PROGRESS');
  t.deepEqual(heights(outcome.items), [0]);
});

test.serial('time to the head of the response counts as time without progress', async (t) => {
  const peer = await serve(t, (_request, response) => {
    setTimeout(() => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(':\n\n');
    }, 300);
  });
  const started = performance.now();
  const limits = { progressTimeoutMs: 400, idleTimeoutMs: 5000, firstByteTimeoutMs: 5000 };
  t.is(codeOf(await fetchAll(peer, {}, limits)), 'STREAM_NO_PROGRESS');
  t.true(performance.now() - started >= 390);
});

test.serial('each block starts the progress time anew', async (t) => {
  let height = 0;
  const peer = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const timer = setInterval(() => {
      response.write(height < 5 ? block(height++) : complete(4));
    }, 150);
    response.on('close', () => {
      clearInterval(timer);
    });
  });
  const outcome = await fetchAll(peer, {}, { progressTimeoutMs: 600, idleTimeoutMs: 600 });
  t.is(codeOf(outcome), null);
  t.deepEqual(heights(outcome.items), [0, 1, 2, 3, 4]);
});

test.serial(
  'after complete a followed stream may be without news for any time while it is alive',
  async (t) => {
    const peer = await repeating(t, complete(0), 30, ':\n\n');
    const abort = new AbortController();
    const limits = { progressTimeoutMs: 150, idleTimeoutMs: 500 };
    setTimeout(() => {
      abort.abort();
    }, 700);
    const open = transport(limits).open(streamRequest(peer, { follow: true }), { signal: abort.signal });
    t.is(codeOf(await run(open)), 'ABORTED');
  },
);

test.serial('a slow consumer is never taken for a silent peer', async (t) => {
  const peer = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    void (async () => {
      for (let height = 0; height < 4; height++) {
        response.write(block(height));
        await pause(20);
      }
      response.end(complete(3));
    })();
  });
  const { signal } = new AbortController();
  const limits = { idleTimeoutMs: 100, progressTimeoutMs: 150 };
  const outcome = await run(transport(limits).open(streamRequest(peer), { signal }), () => pause(300));
  t.is(codeOf(outcome), null);
  t.deepEqual(heights(outcome.items), [0, 1, 2, 3]);
});

test.serial('a process that stood still finds what arrived meanwhile', async (t) => {
  // A thread of its own, because this one stands still.
  const server = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
    require('node:http').createServer((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(workerData[0]);
      setTimeout(() => response.end(workerData[1]), 100);
    }).listen(0, '127.0.0.1', function () { parentPort.postMessage(this.address().port); });`,
    { eval: true, workerData: [block(0), Buffer.concat([block(1), complete(1)])] },
  );
  t.teardown(() => server.terminate());
  const [port] = (await once(server, 'message')) as [number];
  const peer = { url: `http://127.0.0.1:${port}/sync`, headers: {} };
  const { signal } = new AbortController();
  const open = transport({ idleTimeoutMs: 300, progressTimeoutMs: 300 }).open(streamRequest(peer), {
    signal,
  });
  const outcome = await run(open, ([first]) => {
    if (first?.kind !== 'frame' || first.height !== 0) return;
    // Once the next read has begun, and where timers come next, before the network is looked at.
    setTimeout(() => setImmediate(standStill, 600), 10);
  });
  t.is(codeOf(outcome), null);
  t.deepEqual(heights(outcome.items), [0, 1]);
});

function standStill(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test.serial('a consumer that does not pull makes the server wait', async (t) => {
  let sent = 0;
  const peer = await serve(t, (_request, response) => {
    const event = Buffer.from(`data: ${'x'.repeat(65536)}\n\n`);
    flood(response, Buffer.from(block(0)).toString(), event, (bytes) => (sent += bytes));
  });
  const { signal } = new AbortController();
  const batches = transport().open(streamRequest(peer), { signal })[Symbol.asyncIterator]();
  await batches.next();
  await standsStill(() => sent);
  t.true(sent < 64 * 1024 * 1024, `${sent} bytes were taken`);
  await batches.return?.();
});

const endless: Record<string, [string, string]> = {
  'a line': ['', 'x'.repeat(10_000)],
  'a block': ['event: block\nid: 0\ndata: ', 'QUJD'.repeat(3000)],
  'data lines': ['event: block\n', 'data: QUJD\n'.repeat(1000)],
  'an id': ['id: ', '1'.repeat(10_000)],
  'a comment': [': ', 'x'.repeat(10_000)],
};
for (const [title, [start, more]] of Object.entries(endless)) {
  test.serial(`${title} without an end is stopped at the limit`, async (t) => {
    let sent = 0;
    const peer = await serve(t, (_request, response) => {
      flood(response, start, Buffer.from(more), (bytes) => (sent += bytes));
    });
    const outcome = await fetchAll(peer, {}, { maxEventBytes: 200_000 });
    t.is(codeOf(outcome), title === 'an id' ? 'PROTOCOL_VIOLATION' : 'EVENT_TOO_LARGE');
    t.true(sent < 32 * 1024 * 1024);
  });
}

test.serial('comments without an end are stopped by the progress timeout', async (t) => {
  const peer = await repeating(t, '', 1, ': heartbeat\n'.repeat(50));
  t.is(codeOf(await fetchAll(peer, {}, { progressTimeoutMs: 200 })), 'STREAM_NO_PROGRESS');
});

test.serial('live events have the limit that all have', async (t) => {
  const large = (bytes: number): string => `event: news\ndata: ${'x'.repeat(bytes)}\n\n`;
  const peer = await serve(t, stream(block(0), complete(0), large(180_000), block(1), large(200_000)));
  const outcome = await fetchAll(peer, { follow: true }, { maxEventBytes: 200_000 });
  t.is(codeOf(outcome), 'EVENT_TOO_LARGE');
  t.deepEqual(heights(outcome.items), [0, 1]);
});

test.serial('a bomb of content encoding is stopped by the size of the event', async (t) => {
  const { gzipSync } = await import('node:zlib');
  const peer = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
    response.end(gzipSync(Buffer.alloc(64 * 1024 * 1024, 'x')));
  });
  const outcome = await fetchAll(peer, { acceptCodecs: ['identity'] }, { maxEventBytes: 200_000 });
  t.is(codeOf(outcome), 'EVENT_TOO_LARGE');
});
