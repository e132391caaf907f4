import { once } from 'node:events';
import { get, type RequestListener } from 'node:http';
import { createServer as createHttp1Server } from 'node:http';
import { get as getSecure } from 'node:https';
import { constants, createServer, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import compression from 'compression';
import express from 'express';
import { isSyncError } from '../../src/errors/index.js';
import { http2Fetch, type Http2Fetch } from '../../src/http2-client/index.js';
import { createSyncEngine } from '../../src/index.js';
import { syncMiddleware } from '../../src/server/express.js';
import { closeHttp2Server, createHttp2CleartextServer, createHttp2Server } from '../../src/server/http2.js';
import { MemorySource, frameOf } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listenAt } from './http2-support.js';
import { tlsTest } from './http2-tls-test.js';

const documents = sealedChain(200);

function source(): MemorySource {
  const made = new MemorySource();
  made.frames = documents.map((document) => frameOf(document));
  return made;
}

interface Fixture {
  readonly app: RequestListener;
  readonly middleware: ReturnType<typeof syncMiddleware>;
  readonly versions: string[];
}

function fixture(t: ExecutionContext): Fixture {
  const app = express();
  const versions: string[] = [];
  const middleware = syncMiddleware({ source: source(), limits: { maxAnswersPerClient: 200 } });
  t.teardown(() => middleware.close());
  app.use(compression({ threshold: 0 }));
  app.use((req, _res, next) => {
    versions.push(req.httpVersion);
    next();
  });
  const inner = express();
  inner.get('/host', (req, res) => {
    res.json({ host: req.hostname, query: req.query, secure: req.secure });
  });
  app.use('/inner', inner);
  app.get('/hello', (_req, res) => {
    res.status(201).send('hello '.repeat(1000));
  });
  app.use('/sync', middleware);
  return { app, middleware, versions };
}

function client(t: ExecutionContext, options?: Parameters<typeof http2Fetch>[0]): Http2Fetch {
  const made = http2Fetch(options);
  t.teardown(() => made.close());
  return made;
}

async function heightAfterSync(peer: string, fetch: typeof globalThis.fetch): Promise<number | undefined> {
  const engine = createSyncEngine({ peers: [peer], storage: { use: 'memory' }, fetch });
  try {
    await engine.start();
    return engine.state.checkpoint?.head?.height;
  } finally {
    await engine.close();
  }
}

tlsTest(
  'an app is served over TLS by HTTP/2 and HTTP/1.1, and by a plain server at the same time',
  async (t, tls) => {
    const { app, versions } = fixture(t);
    const server = createHttp2Server(app, tls);
    const port = await listenAt(server);
    const plain = createHttp1Server(app);
    const plainPort = await listenAt(plain);
    t.teardown(async () => {
      plain.close();
      await closeHttp2Server(server, { graceMs: 100 });
    });
    const fetch = client(t, { connect: { ca: tls.cert } });
    t.is(await heightAfterSync(`https://127.0.0.1:${port}/sync`, fetch as typeof globalThis.fetch), 199);
    t.true(versions.every((version) => version === '2.0'));
    const hello = await fetch(`https://127.0.0.1:${port}/hello`);
    t.is(hello.status, 201);
    t.is(hello.headers.get('content-encoding'), 'gzip');
    t.is(await hello.text(), 'hello '.repeat(1000));
    const host = await fetch(`https://127.0.0.1:${port}/inner/host?a=1`);
    t.deepEqual(await host.json(), { host: '127.0.0.1', query: { a: '1' }, secure: true });
    t.is((await fetch(`https://127.0.0.1:${port}/none`)).status, 404);
    for (const ask of [
      () => getSecure(`https://127.0.0.1:${port}/sync/status`, { ca: tls.cert, agent: false }),
      () => get(`http://127.0.0.1:${plainPort}/sync/status`, { agent: false }),
    ]) {
      const [response] = (await once(ask(), 'response')) as [
        { statusCode: number; httpVersion: string; resume(): void },
      ];
      response.resume();
      t.is(response.statusCode, 200);
      t.is(response.httpVersion, '1.1');
    }
  },
);

test('without TLS, ranges answer HEAD and If-None-Match, and an engine syncs', async (t) => {
  const { app } = fixture(t);
  const server = createHttp2CleartextServer(app);
  const origin = `http://127.0.0.1:${await listenAt(server)}`;
  t.teardown(() => closeHttp2Server(server, { graceMs: 100 }));
  const fetch = client(t);
  t.is(await heightAfterSync(`${origin}/sync`, fetch as typeof globalThis.fetch), 199);
  const url = `${origin}/sync/json?from=0&to=9`;
  const response = await fetch(url);
  t.is(((await response.json()) as unknown[]).length, 10);
  const etag = response.headers.get('etag') ?? '';
  t.is((await fetch(url, { headers: { 'if-none-match': etag } })).status, 304);
  const head = await fetch(url, { method: 'HEAD' });
  t.is(head.status, 200);
  t.is(head.headers.get('etag'), etag);
  t.is(await head.text(), '');
});

test('a hundred streams share one connection', async (t) => {
  const { app } = fixture(t);
  const server = createHttp2CleartextServer(app);
  let connections = 0;
  server.on('session', () => (connections += 1));
  const origin = `http://127.0.0.1:${await listenAt(server)}`;
  t.teardown(() => closeHttp2Server(server, { graceMs: 100 }));
  const fetch = client(t);
  const asked = Array.from({ length: 100 }, async (_, n) => {
    const response = await fetch(`${origin}/sync/json?from=${n}&to=${n + 9}`);
    return ((await response.json()) as { height: number }[]).map(({ height }) => height);
  });
  for (const [n, heights] of (await Promise.all(asked)).entries()) {
    t.deepEqual(
      heights,
      Array.from({ length: 10 }, (_, at) => n + at),
    );
  }
  t.is(connections, 1);
});

const cuts: Readonly<Record<string, (stream: ServerHttp2Stream) => void>> = {
  // Not `close(code)`, which sends the end of the stream before the reset.
  'RST_STREAM INTERNAL_ERROR': (stream) => {
    stream.destroy(new Error('gone'));
  },
  'GOAWAY and a closed connection': (stream) => {
    stream.session?.goaway(0);
    stream.session?.destroy();
  },
  'a destroyed socket': (stream) => {
    stream.session?.socket.unref();
    stream.session?.destroy(new Error('gone'));
  },
};

for (const [name, cut] of Object.entries(cuts)) {
  test(`a body cut off by ${name} fails, and the next request opens what it needs`, async (t) => {
    let asked = 0;
    const server = createServer();
    server.on('session', (session) => session.on('error', () => undefined));
    server.on('stream', (stream) => {
      stream.on('error', () => undefined);
      stream.respond({ ':status': 200 });
      asked += 1;
      if (asked > 1) stream.end('whole');
      else
        stream.write('begun', () =>
          setTimeout(() => {
            cut(stream);
          }, 50),
        );
    });
    const origin = `http://127.0.0.1:${await listenAt(server)}`;
    t.teardown(() => server.close());
    const fetch = client(t);
    const error = await t.throwsAsync(async () => (await fetch(origin)).text());
    t.true(error instanceof TypeError);
    t.is(await (await fetch(origin)).text(), 'whole');
  });
}

test('a server that closes cuts off what is open after the grace, and gives back the slot', async (t) => {
  const { app } = fixture(t);
  const server = createHttp2CleartextServer(app);
  const origin = `http://127.0.0.1:${await listenAt(server)}`;
  const fetch = client(t);
  const response = await fetch(`${origin}/sync/stream?follow=true`);
  const read = t.throwsAsync(response.text());
  await closeHttp2Server(server, { graceMs: 100 });
  t.true((await read) instanceof TypeError);
});

test('an aborted request resets its stream and leaves the connection', async (t) => {
  const server = createServer();
  const opened: ServerHttp2Stream[] = [];
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200 });
    stream.write('begun');
    opened.push(stream);
  });
  const origin = `http://127.0.0.1:${await listenAt(server)}`;
  t.teardown(() => server.close());
  const fetch = client(t);
  const controller = new AbortController();
  const reason = new Error('enough');
  const response = await fetch(origin, { signal: controller.signal });
  const text = t.throwsAsync(response.text());
  controller.abort(reason);
  t.is(await text, reason);
  const [stream] = opened;
  if (stream !== undefined && !stream.destroyed) await once(stream, 'close');
  t.is(stream?.rstCode, 8);
  t.false(stream?.session?.destroyed ?? false);
});

/** A server that counts sessions, and meets each request with what `answer` does. */
async function countedServer(
  t: ExecutionContext,
  answer: (stream: ServerHttp2Stream, session: number) => void,
): Promise<{ readonly origin: string; readonly sessions: () => number }> {
  const server = createServer();
  let sessions = 0;
  server.on('session', (session) => {
    const number = ++sessions;
    session.on('error', () => undefined);
    session.on('stream', (stream) => {
      stream.on('error', () => undefined);
      answer(stream, number);
    });
    t.teardown(() => {
      session.destroy();
    });
  });
  t.teardown(() => server.close());
  return { origin: `http://127.0.0.1:${await listenAt(server)}`, sessions: () => sessions };
}

const notProcessed: Readonly<Record<string, (stream: ServerHttp2Stream) => void>> = {
  REFUSED_STREAM: (stream) => {
    stream.close(constants.NGHTTP2_REFUSED_STREAM);
  },
  'GOAWAY below it': (stream) => {
    stream.session?.goaway(constants.NGHTTP2_NO_ERROR, (stream.id ?? 1) - 2);
  },
  'GOAWAY below it, with an error': (stream) => {
    stream.session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, (stream.id ?? 1) - 2);
  },
  'GOAWAY above it, and no answer': (stream) => {
    stream.session?.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1);
  },
};
for (const [name, refuse] of Object.entries(notProcessed)) {
  test(`a request that was not processed, by ${name}, is sent again over a new connection`, async (t) => {
    let requests = 0;
    const { origin, sessions } = await countedServer(t, (stream, session) => {
      requests++;
      if (session > 1 || requests === 1) stream.respond({ ':status': 200 }, { endStream: true });
      else refuse(stream);
    });
    const fetch = client(t);
    t.is((await fetch(origin)).status, 200);
    t.is((await fetch(origin)).status, 200);
    t.deepEqual([requests, sessions()], [3, 2]);
  });
}

test('a server that refuses every request is left after a few', async (t) => {
  let requests = 0;
  const { origin } = await countedServer(t, (stream) => {
    requests++;
    stream.close(constants.NGHTTP2_REFUSED_STREAM);
  });
  await t.throwsAsync(client(t)(origin), { instanceOf: TypeError, message: 'fetch failed' });
  t.is(requests, 4);
});

test('a request that was cut off otherwise is not sent again: it may have been processed', async (t) => {
  let requests = 0;
  const { origin } = await countedServer(t, (stream) => {
    requests++;
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  });
  await t.throwsAsync(client(t)(origin), { instanceOf: TypeError });
  t.is(requests, 1);
});

test('a status that is none of HTTP is told at once', async (t) => {
  // Node's server sends none: SETTINGS, then HEADERS of stream 1 with nothing but `:status: 999`.
  const settings = Buffer.from('000000040000000000', 'hex');
  const headers = Buffer.from('0000050105000000010803393939', 'hex');
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write(Buffer.concat([settings, headers])));
    t.teardown(() => socket.destroy());
  });
  t.teardown(() => server.close());
  const error = await t.throwsAsync(client(t)(`http://127.0.0.1:${await listenAt(server)}`));
  t.true(isSyncError(error, 'PEER_NOT_SYNC'), String(error));
  t.regex(error.message, /answered 999/);
});
