import { execFile } from 'node:child_process';
import { request, type IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { constants, createGunzip, gunzipSync } from 'node:zlib';
import test from 'ava';
import { EventSource } from 'eventsource';
import express from 'express';
import type { Endpoint, EndpointResponse } from '../../src/contracts/index.js';
import { syncMiddleware } from '../../src/server/express.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen, serveSource } from '../helpers/servers.js';
import { endpointOf } from './sse-endpoint-support.js';

const documents = sealedChain(500);
const run = promisify(execFile);

interface Answer {
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** A response as it came, without anything decoded. */
function get(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers, method }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ headers: response.headers, body: Buffer.concat(chunks) });
      });
    });
    sent.on('error', reject).end();
  });
}

/** What comes over an open response, decoded as it comes. */
async function open(url: string): Promise<{ until(text: string): Promise<string>; close(): void }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { headers: { 'accept-encoding': 'gzip' } }, resolve)
      .on('error', reject)
      .end();
  });
  let text = '';
  const chunks = response.pipe(createGunzip())[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  return {
    async until(part) {
      while (!text.includes(part)) {
        const next = await chunks.next();
        if (next.done === true) throw new Error(`The body ended before ${part}.`);
        text += next.value.toString();
      }
      return text;
    },
    close: () => response.destroy(),
  };
}

const ask = (endpoint: Endpoint, encoding: string | null, query: string, method = 'GET') => {
  const controller = new AbortController();
  const response = endpoint.handle(
    {
      method,
      path: '/stream',
      query: new URLSearchParams(query),
      header: (name) => (name === 'accept-encoding' ? encoding : null),
    },
    { signal: controller.signal },
  );
  return { response, controller };
};

async function chunksOf(response: Promise<EndpointResponse>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await response).body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return chunks;
}

test('curl, fetch and gunzip get byte for byte the stream that is not compressed', async (t) => {
  const origin = await serveSource(t, new MemorySource(documents));
  const url = `${origin}/sync/stream?codec=identity&from_height=3`;
  const plain = await get(url, { 'accept-encoding': 'identity' });
  t.is(plain.headers['content-encoding'], undefined);
  t.is(plain.body.toString().split('event: block').length, 498);

  const raw = await get(url, { 'accept-encoding': 'gzip' });
  t.is(raw.headers['content-encoding'], 'gzip');
  t.true(raw.body.length < plain.body.length / 2);
  t.true(gunzipSync(raw.body).equals(plain.body));

  const options = { encoding: 'buffer', maxBuffer: 1 << 26 } as const;
  const { stdout } = await run('curl', ['--compressed', '-sSN', url], options);
  t.true(stdout.equals(plain.body));

  const fetched = await fetch(url);
  t.is(fetched.headers.get('content-encoding'), 'gzip');
  t.true(Buffer.from(await fetched.arrayBuffer()).equals(plain.body));
});

test('an EventSource reads a compressed stream, and what is appended while it follows', async (t) => {
  const source = new MemorySource(documents.slice(0, 100));
  const origin = await serveSource(t, source);
  const encodings: (string | null)[] = [];
  const events = new EventSource(`${origin}/sync/stream?codec=identity&follow=true`, {
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      encodings.push(response.headers.get('content-encoding'));
      return response;
    },
  });
  const seen: string[] = [];
  await new Promise<void>((resolve) => {
    events.addEventListener('complete', () => {
      source.extend(documents.slice(100, 101));
    });
    events.addEventListener('block', ({ data }) => {
      seen.push(data as string);
      if (seen.length === 101) resolve();
    });
  });
  events.close();
  t.deepEqual(encodings, ['gzip']);
  t.deepEqual(
    seen,
    documents.slice(0, 101).map((document) => Buffer.from(document).toString()),
  );
});

test('an EventSource whose compressed stream is cut has every block once', async (t) => {
  const middleware = syncMiddleware({ source: new MemorySource(documents) });
  const resumed: (string | null)[] = [];
  const app = express();
  app.use((req, res, next) => {
    const isFirst = resumed.push(req.get('last-event-id') ?? null) === 1;
    const write = res.write.bind(res) as (chunk: Uint8Array) => boolean;
    let chunks = 0;
    res.write = ((chunk: Uint8Array) => {
      if (!isFirst || chunks++ < 3) return write(chunk);
      write(chunk.subarray(0, chunk.length / 2));
      res.socket?.end();
      return false;
    }) as typeof res.write;
    next();
  });
  app.use('/sync', middleware);
  t.teardown(() => middleware.close());
  const origin = await listen(t, app);
  const events = new EventSource(`${origin}/sync/stream?codec=identity`);
  const ids: number[] = [];
  events.addEventListener('block', ({ lastEventId }) => ids.push(Number(lastEventId)));
  await new Promise<void>((resolve) => {
    events.addEventListener('complete', () => {
      resolve();
    });
  });
  events.close();
  t.is(resumed.length, 2);
  t.deepEqual(
    ids,
    documents.map((_, height) => height),
  );
});

test('a block and a rollback arrive as they come, without more after them', async (t) => {
  const source = new MemorySource(documents.slice(0, 10));
  const origin = await serveSource(t, source);
  const stream = await open(`${origin}/sync/stream?codec=identity&follow=true`);
  await stream.until('event: complete');
  source.extend(documents.slice(10, 11));
  await stream.until('id: 10\n');
  source.rollback(7);
  t.true((await stream.until('event: rollback')).endsWith('}\n\n'));
  source.extend(documents.slice(8, 12));
  const text = await stream.until('id: 11\n');
  t.true(text.endsWith(`data: ${Buffer.from(documents[11] as Uint8Array).toString()}\n\n`));
  stream.close();
});

test('a heartbeat can be read as soon as it is sent', async (t) => {
  const endpoint = endpointOf(new MemorySource(documents.slice(0, 2)), { heartbeatMs: 20 });
  const { response, controller } = ask(endpoint, 'gzip', 'codec=identity&follow=true');
  const chunks = ((await response).body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const sent: Uint8Array[] = [];
  const read = (): string =>
    gunzipSync(Buffer.concat(sent), { finishFlush: constants.Z_SYNC_FLUSH }).toString();
  const next = async (): Promise<void> => {
    sent.push((await chunks.next()).value as Uint8Array);
  };
  await next();
  t.is(read(), ':\n\n', 'the comment that comes at once');
  await next();
  t.true(read().includes('id: 1\n'));
  await next();
  t.true(read().includes('event: complete'));
  await next();
  await next();
  t.true(read().endsWith('\n\n:\n\n:\n\n'));
  controller.abort();
  t.true((await chunks.next()).done);
  await chunks.return?.();
});

test('a compressed stream that is broken off has no trailer', async (t) => {
  const endpoint = endpointOf(new MemorySource(documents));
  const { response, controller } = ask(endpoint, 'gzip', 'codec=identity&follow=true');
  const sent: Uint8Array[] = [];
  for await (const chunk of (await response).body as AsyncIterable<Uint8Array>) {
    sent.push(chunk);
    if (sent.length === 4) controller.abort();
  }
  t.is(sent.length, 4);
  t.throws(() => gunzipSync(Buffer.concat(sent)), { code: 'Z_BUF_ERROR' });
});

test('a failure is the last event of a compressed stream that ends as a whole', async (t) => {
  const source = new MemorySource(documents, { batch: 10 });
  source.failAt = 95;
  const body = gunzipSync(
    Buffer.concat(await chunksOf(ask(endpointOf(source), 'gzip', 'codec=identity').response)),
  );
  t.is(body.toString().split('event: block').length, 91);
  t.true(body.toString().endsWith('data: {"error":"The server failed.","code":"INTERNAL"}\n\n'));
});

test('followers at the head share the compressed memory of each new block', async (t) => {
  const source = new MemorySource(documents.slice(0, 2));
  const endpoint = endpointOf(source);
  const asked = [1, 2, 3].map(() => ask(endpoint, 'gzip', 'codec=identity&follow=true&from_height=2'));
  const responses = await Promise.all(asked.map(({ response }) => response));
  const bodies = responses.map(({ body }) => (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]());
  const next = (): Promise<Uint8Array[]> =>
    Promise.all(bodies.map(async (body) => (await body.next()).value as Uint8Array));
  // The comment that comes at once, and what is behind it.
  const rounds = [await next(), await next()];
  for (const document of documents.slice(2, 5)) {
    const pending = next();
    source.extend([document]);
    rounds.push(await pending);
  }
  const [first = [], ...others] = bodies.map((_, at) => rounds.map((round) => round[at] as Uint8Array));
  for (const other of others) for (let at = 2; at < 5; at++) t.is(other[at], first[at]);
  const text = gunzipSync(Buffer.concat(first), { finishFlush: constants.Z_SYNC_FLUSH }).toString();
  t.is(text.split('event: block').length, 4);
  for (const { controller } of asked) controller.abort();
  for (const body of bodies) t.true((await body.next()).done);
  t.is(source.listeners.size, 0);
});

test('a large block goes through a compressed stream in pieces', async (t) => {
  const big = sealedChain(4, (height) => ({ text: `${height} `.repeat(height === 2 ? 700_000 : 10) }));
  const source = new MemorySource(big, { codec: 'identity' });
  const plain = Buffer.concat(await chunksOf(ask(endpointOf(source), null, 'codec=identity').response));
  const chunks = await chunksOf(ask(endpointOf(source), 'gzip', 'codec=identity').response);
  t.true(chunks.length > 20);
  t.true(gunzipSync(Buffer.concat(chunks)).equals(plain));
});

test('a stream is compressed when its client likes gzip best, and only with the codec identity', async (t) => {
  const endpoint = endpointOf(new MemorySource(documents));
  const headersOf = async (accept: string | null, query: string, method: string) =>
    (await ask(endpoint, accept, query, method).response).headers;
  const rows: readonly (readonly [string | null, boolean])[] = [
    [null, false],
    ['', false],
    ['identity', false],
    ['gzip', true],
    ['x-gzip', true],
    ['gzip, deflate, br', true],
    ['*', true],
    ['br, zstd', false],
    ['gzip;q=0', false],
    ['*;q=0', false],
    ['gzip;q=0.5, identity', false],
    ['gzip;q=0.5, identity;q=0.4', true],
    ['gzip;q=0, *', false],
    ['gzip;q=nonsense', false],
  ];
  for (const method of ['GET', 'HEAD']) {
    for (const [accept, isGzip] of rows) {
      const headers = await headersOf(accept, 'codec=identity', method);
      t.is(headers['content-encoding'], isGzip ? 'gzip' : undefined, String(accept));
      t.is(headers['vary'], 'Accept-Encoding');
      t.is(headers['cache-control'], 'no-cache, no-transform');
      const encoded = await headersOf(accept, 'codec=gzip', method);
      t.false('content-encoding' in encoded || 'vary' in encoded);
    }
  }
});
