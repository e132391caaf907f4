import { once, getEventListeners } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import type { HttpFetchResponse } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { createHttp1Client, type Deadlines, type Http1Client } from '../../src/http1-client/index.js';
import { standsStill, until } from '../helpers/waiting.js';

const TEXT = 'blocks and blocks '.repeat(50_000);

test('a body comes decoded, in pieces of up to 64 KiB', async (t) => {
  const url = await serve(t, (request, response) => {
    t.is(request.headers['accept-encoding'], 'gzip');
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/plain' }).end(gzipSync(TEXT));
  });
  const response = await get(client(t), url);
  t.is(response.headers.get('Content-Type'), 'text/plain');
  t.is(response.headers.get('etag'), null);
  const pieces = await piecesOf(response);
  t.is(Buffer.concat(pieces).toString(), TEXT);
  t.true(pieces.some(({ length }) => length > 16_384) && pieces.every(({ length }) => length <= 65_536));
});

test('what is asked for is sent, and a redirect comes back as it is', async (t) => {
  const url = await serve(t, (request, response) => {
    t.is(request.headers['accept-encoding'], 'identity');
    t.is(request.headers['x-token'], 'abc');
    t.is(request.url, '/sync/json?from=0');
    response.writeHead(302, { location: '/elsewhere' }).end();
  });
  const response = await get(client(t), new URL('/sync/json?from=0', url), {
    'accept-encoding': 'identity',
    'x-token': 'abc',
  });
  t.is(response.status, 302);
  t.is(response.headers.get('location'), '/elsewhere');
});

test('x-gzip is gzip, and words that are no encoding say nothing', async (t) => {
  const url = await serve(t, ({ url: path = '' }, response) => {
    const encoding = decodeURIComponent(path.slice(1));
    response.writeHead(200, { 'content-encoding': encoding });
    response.end(/gzip/i.test(encoding) ? gzipSync(TEXT) : TEXT);
  });
  for (const encoding of ['x-gzip', 'GZip', ' gzip ', 'identity', 'none', 'UTF-8', 'gzip, identity']) {
    const response = await get(client(t), new URL(`/${encodeURIComponent(encoding)}`, url));
    t.is(Buffer.concat(await piecesOf(response)).toString(), TEXT, encoding);
  }
});

test('an encoding that nobody asked for, and a label that is not true, are named', async (t) => {
  const url = await serve(t, ({ url: path = '' }, response) => {
    response.writeHead(200, { 'content-encoding': decodeURIComponent(path.slice(1)) }).end(TEXT);
  });
  const cases = [
    ['br', /Content-Encoding br, .*not decoded here; a proxy/],
    ['zstd', /Content-Encoding zstd, .*not decoded here/],
    ['gzip, gzip', /Content-Encoding gzip, gzip, .*not decoded here/],
    ['gzip', /Content-Encoding gzip, but its body is not gzip; a proxy/],
    ['x-gzip', /Content-Encoding x-gzip, but its body is not gzip/],
  ] as const;
  for (const [encoding, message] of cases) {
    const response = await get(client(t), new URL(`/${encodeURIComponent(encoding)}`, url));
    const error = await t.throwsAsync(piecesOf(response), { message }, encoding);
    t.true(isSyncError(error, 'PEER_NOT_SYNC'), encoding);
  }
});

test('an answer without a body has none', async (t) => {
  const url = await serve(t, (_request, response) => response.writeHead(204).end());
  t.is((await get(client(t), url)).body, null);
});

test('requests behind each other share a connection', async (t) => {
  const ports = new Set<number>();
  const url = await serve(t, ({ socket }, response) => {
    ports.add(socket.remotePort ?? 0);
    response.end('x');
  });
  const http = client(t);
  for (let i = 0; i < 5; i++) await piecesOf(await get(http, url));
  t.is(ports.size, 1);
});

test('a kept connection that the server has just closed is replaced', async (t) => {
  const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1';
  const connections: Socket[] = [];
  const url = await serveTcp(t, (socket) => {
    connections.push(socket);
    let requests = 0;
    // The first connection answers once and is reset when the next request is on its way over it.
    socket.on('data', () => {
      if (connections.length === 1 && ++requests > 1) socket.resetAndDestroy();
      else socket.write(answer);
    });
  });
  const http = client(t);
  await piecesOf(await get(http, url));
  t.is((await piecesOf(await get(http, url))).length, 1);
  t.is(connections.length, 2);
});

test('a connection that is reset before it has answered anything is not tried again', async (t) => {
  let connections = 0;
  const url = await serveTcp(t, (socket) => {
    connections++;
    socket.once('data', () => socket.resetAndDestroy());
  });
  const error = await t.throwsAsync(get(client(t), url), { instanceOf: TypeError, message: 'fetch failed' });
  t.is((error.cause as NodeJS.ErrnoException).code, 'ECONNRESET');
  t.is(connections, 1);
});

test('a server that takes no connection, and one that does not answer, are told apart', async (t) => {
  const silent = await serveTcp(t, () => undefined);
  const unanswered = await t.throwsAsync(get(client(t, { firstByteTimeoutMs: 100 }), silent));
  t.true(isSyncError(unanswered, 'PEER_TIMEOUT'));
  t.regex(unanswered.message, /did not answer within 100 ms/);
  // TLS is part of connecting, and nobody here shakes hands.
  const tls = new URL(silent.href.replace('http:', 'https:'));
  const unconnected = await t.throwsAsync(get(client(t, { connectTimeoutMs: 150 }), tls));
  t.true(isSyncError(unconnected, 'PEER_TIMEOUT'));
  t.regex(unconnected.message, /did not take a connection within 150 ms/);
});

test('a body that was cut off fails, however it was framed', async (t) => {
  const whole = gzipSync(TEXT);
  const bodies: Record<string, RequestListener> = {
    '/length': (_request, response) => {
      response.writeHead(200, { 'content-length': '10' }).write('12345', () => response.destroy());
    },
    '/chunked': (_request, response) => {
      response.writeHead(200).write('12345', () => response.destroy());
    },
    '/gzip': (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(whole.subarray(0, whole.length - 9));
    },
  };
  const url = await serve(t, (request, response) => bodies[request.url ?? '']?.(request, response));
  for (const path of Object.keys(bodies)) {
    const response = await get(client(t), new URL(path, url));
    await t.throwsAsync(piecesOf(response), { instanceOf: TypeError, message: 'terminated' }, path);
  }
});

test('a call-off ends a request at any time with its own reason, and leaves no listener', async (t) => {
  const url = await serve(t, (request, response) => {
    if (request.url === '/body') response.writeHead(200).write('1');
  });
  const reason = new Error('enough');
  for (const path of ['/silent', '/body']) {
    const abort = new AbortController();
    const { signal } = abort;
    const http = client(t);
    const running = get(http, new URL(path, url), {}, signal).then(piecesOf);
    setTimeout(() => {
      abort.abort(reason);
    }, 50);
    t.is(await t.throwsAsync(running), reason, path);
    t.is(getEventListeners(signal, 'abort').length, 0, path);
  }
});

test('a response that is here but not read may be called off', async (t) => {
  const url = await serve(t, (_request, response) => response.end('x'.repeat(1000)));
  const abort = new AbortController();
  const response = await get(client(t), url, {}, abort.signal);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const reason = new Error('enough');
  abort.abort(reason);
  // A failure that nobody waits for would end this process.
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.is(await t.throwsAsync(piecesOf(response)), reason);
});

test('a response may be silent for longer than unused connections are kept', async (t) => {
  const sockets: Socket[] = [];
  const url = await serve(t, ({ socket }, response) => {
    sockets.push(socket);
    response.writeHead(200).write('1');
    setTimeout(() => response.end('2'), 4500);
  });
  const http = client(t);
  t.is(Buffer.concat(await piecesOf(await get(http, url))).toString(), '12');
  t.false(sockets[0]?.destroyed);
  await until(() => sockets[0]?.destroyed === true);
  t.is(sockets.length, 1);
});

test('what is read decides how much the server may send', async (t) => {
  let written = 0;
  const url = await serve(t, (_request, response) => {
    const piece = Buffer.alloc(65_536);
    const more = (): void => {
      do written += piece.length;
      while (response.write(piece) && written < 64 * 1024 * 1024);
      if (written < 64 * 1024 * 1024) response.once('drain', more);
    };
    response.writeHead(200);
    more();
  });
  const abort = new AbortController();
  const response = await get(client(t), url, {}, abort.signal);
  await response.body?.getReader().read();
  const bytes = await standsStill(() => written);
  t.true(bytes < 16 * 1024 * 1024, `${bytes} bytes`);
  abort.abort();
});

test('closing cuts off what is open', async (t) => {
  const url = await serve(t, (_request, response) => response.writeHead(200).write('1'));
  const http = client(t);
  const response = await get(http, url);
  await http.close();
  await t.throwsAsync(piecesOf(response), { message: 'terminated' });
});

function client(
  t: Pick<ExecutionContext, 'teardown'>,
  { connectTimeoutMs = 30_000, firstByteTimeoutMs = 30_000 }: Partial<Deadlines> = {},
): Http1Client {
  const http = createHttp1Client({ connectTimeoutMs, firstByteTimeoutMs });
  t.teardown(() => http.close());
  return http;
}

function get(
  { fetch }: Http1Client,
  url: URL,
  headers: Record<string, string> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<HttpFetchResponse> {
  return fetch(url, { method: 'GET', headers, redirect: 'manual', signal });
}

async function piecesOf({ body }: HttpFetchResponse): Promise<readonly Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body ?? []) pieces.push(piece);
  return pieces;
}

async function serve(t: Pick<ExecutionContext, 'teardown'>, handler: RequestListener): Promise<URL> {
  const server = createServer(handler);
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return listening(server);
}

async function serveTcp(
  t: Pick<ExecutionContext, 'teardown'>,
  onSocket: (socket: Socket) => void,
): Promise<URL> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return listening(server);
}

async function listening(server: Server): Promise<URL> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}
