import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import test from 'ava';
import type { ServerResponse } from 'node:http';
import type { Peer } from '../../src/contracts/index.js';
import { isSyncError, type ErrorCode } from '../../src/errors/index.js';
import { parseRetryAfter } from '../../src/internal/http/retry-after.js';
import { dataTest } from '../helpers/data-test.js';
import { turns } from '../helpers/waiting.js';
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
  type Outcome,
} from './transport-sse-client-support.js';

/** What an SDK makes of each of the HTTP vectors. `null`: the stream is taken. */
const expectations: Record<string, ErrorCode | null> = {
  'mime exact': null,
  'mime + charset=utf-8': null,
  'mime trailing semicolon': null,
  'mime with other charset: still decode as UTF-8': null,
  'mime upper case': null,
  'bogus mime': 'PEER_NOT_SYNC',
  'missing mime': 'PEER_NOT_SYNC',
  'status 204': null,
  'status 205': 'PEER_NOT_SYNC',
  'status 210': 'PEER_NOT_SYNC',
  'status 299': 'PEER_NOT_SYNC',
  'status 404': 'PEER_NOT_FOUND',
  'status 410': 'PEER_REFUSED',
  'status 503': 'PEER_BUSY',
  'redirect 301': 'REDIRECT_REFUSED',
  'redirect 302': 'REDIRECT_REFUSED',
  'redirect 303': 'REDIRECT_REFUSED',
  'redirect 307': 'REDIRECT_REFUSED',
  'redirect 308': 'REDIRECT_REFUSED',
  'clean end after 200': 'STREAM_TRUNCATED',
  'connection reset after 200': 'STREAM_TRUNCATED',
};

interface HttpCase {
  name: string;
  status: number;
  contentType: string;
}

dataTest(
  'all HTTP vectors have the outcome that fits an SDK',
  'vectors/sse/sse-http.json',
  async (t, file) => {
    const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: HttpCase[] };
    t.is(cases.length, 21);
    for (const { name, status, contentType } of cases) {
      let requests = 0;
      const peer = await serve(t, (request, response) => {
        requests++;
        response.statusCode = status;
        if (contentType !== '') response.setHeader('content-type', contentType);
        if (name.startsWith('redirect')) response.setHeader('location', `${request.url ?? ''}&again=1`);
        finish(name, response);
      });
      const outcome = await fetchAll(peer);
      t.is(codeOf(outcome), expectations[name] as ErrorCode | null, name);
      t.is(requests, 1, name);
      const blocks = name.includes('mime') && expectations[name] === null ? [0] : [];
      t.deepEqual(heights(outcome.items), name.includes('after 200') ? [0] : blocks, name);
    }
  },
);

function finish(name: string, response: ServerResponse): void {
  if (response.statusCode === 204 || response.statusCode === 205) {
    response.end();
  } else if (name === 'clean end after 200') {
    response.end(block(0));
  } else if (name === 'connection reset after 200') {
    response.write(Buffer.concat([block(0), block(1).subarray(0, 30)]));
    // Later, so that the reset does not overtake the bytes.
    void pause(100)
      .then(() => turns(20))
      .then(() => response.socket?.resetAndDestroy());
  } else response.end(Buffer.concat([block(0), complete(0)]));
}

function answer(
  status: number,
  body: unknown = {},
  headers: Record<string, string> = {},
): (request: unknown, response: ServerResponse) => void {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

const statuses: readonly [number, unknown, ErrorCode][] = [
  [400, { code: 'BAD_REQUEST', detail: 'from_height' }, 'BAD_REQUEST'],
  [400, { code: 'CODEC_UNAVAILABLE' }, 'CODEC_UNAVAILABLE'],
  [400, { code: 'RANGE_TOO_LARGE' }, 'RANGE_TOO_LARGE'],
  [400, { code: 'STORE_DAMAGED' }, 'PEER_REFUSED'],
  [400, 'not json', 'PEER_REFUSED'],
  [401, {}, 'PEER_UNAUTHORIZED'],
  [403, {}, 'PEER_UNAUTHORIZED'],
  [404, { code: 'NOT_FOUND' }, 'PEER_NOT_FOUND'],
  [405, { code: 'METHOD_NOT_ALLOWED' }, 'PEER_REFUSED'],
  [409, {}, 'PEER_REFUSED'],
  [410, { code: 'FORKED' }, 'PEER_REFUSED'],
  [418, {}, 'PEER_REFUSED'],
  [429, { code: 'TOO_MANY_STREAMS' }, 'PEER_BUSY'],
  [500, { code: 'INTERNAL' }, 'PEER_BUSY'],
  [503, { code: 'STORE_FULL' }, 'PEER_BUSY'],
  [503, { code: 'FORKED' }, 'PEER_BUSY'],
  [408, {}, 'PEER_BUSY'],
  [421, {}, 'PEER_BUSY'],
  [425, {}, 'PEER_BUSY'],
  [499, {}, 'PEER_BUSY'],
  [300, {}, 'PEER_NOT_SYNC'],
  [304, {}, 'PEER_NOT_SYNC'],
  [600, {}, 'PEER_NOT_SYNC'],
  [999, {}, 'PEER_NOT_SYNC'],
];
for (const [status, body, code] of statuses) {
  test(`status ${status} with ${JSON.stringify(body)} is ${code}`, async (t) => {
    const peer = await serve(t, answer(status, body));
    const outcome = await fetchAll(peer);
    t.is(codeOf(outcome), code);
    t.is(outcome.error?.context.peer, peer.url);
    t.true(outcome.error?.message.includes(String(status)));
  });
}

const ref = (height: number): { height: number; hash: string } => ({ height, hash: `h${height}` });

test('a fork comes with the ancestors of the peer', async (t) => {
  const ancestors = [ref(9), ref(8), ref(6), ref(0)];
  const peer = await serve(t, answer(409, { code: 'FORKED', ancestors }));
  const { error } = await fetchAll(peer, { from: 10, after: { height: 9, hash: 'x' } });
  t.is(error?.code, 'FORKED');
  t.deepEqual(error?.context.ancestors, ancestors);
});

test('ancestors that can not be true break the protocol', async (t) => {
  for (const ancestors of [
    'none',
    [ref(10)],
    [ref(5), ref(5)],
    [ref(5), ref(6)],
    [{ height: 1 }],
    [{ height: '1', hash: 'h1' }],
    [{ height: -1, hash: 'h' }],
    [{ height: 1, hash: '' }],
    Array.from({ length: 65 }, (_, i) => ref(100 - i)),
    null,
  ]) {
    const peer = await serve(t, answer(409, { code: 'FORKED', ancestors }));
    const from = Array.isArray(ancestors) && ancestors.length > 60 ? 1000 : 10;
    t.is(codeOf(await fetchAll(peer, { from })), 'PROTOCOL_VIOLATION', JSON.stringify(ancestors));
  }
});

test('a height below the base comes with the base, unless that can not be true', async (t) => {
  const cases = [
    [{ code: 'BELOW_BASE', base: 500 }, 'BELOW_BASE', 500],
    [{ code: 'BELOW_BASE' }, 'BELOW_BASE', undefined],
    [{ code: 'BELOW_BASE', base: 10 }, 'PROTOCOL_VIOLATION', undefined],
    [{ code: 'BELOW_BASE', base: '500' }, 'PROTOCOL_VIOLATION', undefined],
  ] as const;
  for (const [body, code, base] of cases) {
    const { error } = await fetchAll(await serve(t, answer(410, body)), { from: 10 });
    t.is(error?.code, code);
    t.is(error?.context.base, base);
  }
});

test('Retry-After is passed on', async (t) => {
  for (const status of [429, 503, 502]) {
    const peer = await serve(t, answer(status, {}, { 'retry-after': '7' }));
    t.is((await fetchAll(peer)).error?.context.retryAfterMs, 7000);
  }
  const peer = await serve(t, answer(503, {}));
  t.is((await fetchAll(peer)).error?.context.retryAfterMs, undefined);
});

test('Retry-After is seconds or an HTTP date, clamped to 0.1 to 60 s', (t) => {
  const now = Date.UTC(2026, 0, 2, 3, 4, 5);
  const cases: [string | null, number | null][] = [
    [null, null],
    ['0', 100],
    ['1', 1000],
    [' 30 ', 30_000],
    ['3600', 60_000],
    ['9'.repeat(400), 60_000],
    ['Fri, 02 Jan 2026 03:04:15 GMT', 10_000],
    ['Friday, 02-Jan-26 03:04:15 GMT', 10_000],
    ['Fri, 02 Jan 2026 03:00:00 GMT', 100],
    ['Sat, 02 Jan 2027 03:04:05 GMT', 60_000],
    ['-1', null],
    ['1.5', null],
    ['soon', null],
    ['', null],
    ['2026', 60_000],
    ['2026-01-02', null],
  ];
  for (const [value, expected] of cases) t.is(parseRetryAfter(value, now), expected, String(value));
});

test('no redirect is followed, and the message says where it led', async (t) => {
  let elsewhere = 0;
  const other = await serve(t, (request, response) => {
    elsewhere++;
    stream(block(0), complete(0))(request, response);
  });
  const peer = await serve(t, (_request, response) => {
    response.writeHead(302, { location: `${other.url}/stream` }).end();
  });
  const { error } = await fetchAll({ ...peer, headers: { authorization: 'secret' } });
  t.is(error?.code, 'REDIRECT_REFUSED');
  t.true(error?.message.includes(other.url));
  t.is(elsewhere, 0);
});

test('an error body without an end costs no more than its bound', async (t) => {
  let sent = 0;
  const peer = await serve(t, (_request, response) => {
    response.writeHead(400, { 'content-type': 'application/json' });
    const more = (): void => {
      sent += 65536;
      if (!response.destroyed) response.write(Buffer.alloc(65536, ' '), () => setImmediate(more));
    };
    more();
  });
  t.is(codeOf(await fetchAll(peer)), 'PEER_REFUSED');
  // What the sockets between the two hold comes on top.
  t.true(sent < 32 * 1024 * 1024, `${sent}`);
});

test.serial('an error body that never comes does not hold up the error', async (t) => {
  const peer = await serve(t, (_request, response) => {
    response.writeHead(400, { 'content-type': 'application/json' });
    response.write('{"code":');
  });
  t.is(codeOf(await fetchAll(peer, {}, { firstByteTimeoutMs: 1000 })), 'PEER_REFUSED');
});

for (const status of [409, 410]) {
  test(`a line that breaks in the middle of the body of a ${status} is worth another try`, async (t) => {
    const peer = await serve(t, (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/problem+json', 'content-length': '100' });
      response.write('{"code":', () => response.destroy());
    });
    const { error } = await fetchAll(peer);
    t.is(error?.code, 'PEER_UNREACHABLE');
    t.regex(error?.message ?? '', new RegExp(`answered ${status} and was cut off`));
  });
}

test('text of a peer can not forge lines or colours in a message', async (t) => {
  const peer = await serve(t, answer(400, { detail: `a\nERROR b\u001b[31m\u2028c${'x'.repeat(5000)}` }));
  const message = (await fetchAll(peer)).error?.message ?? '';
  t.false(/[\p{Cc}\p{Zl}]/u.test(message));
  t.true(message.length < 400);
});

test('a peer that is not there is unreachable, with the cause', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  await new Promise((resolve) => server.close(resolve));
  const outcome = await fetchAll({ url: `http://127.0.0.1:${port ?? 0}/sync`, headers: {} });
  t.is(codeOf(outcome), 'PEER_UNREACHABLE');
  t.regex(outcome.error?.message ?? '', /ECONNREFUSED/);
  t.truthy(outcome.error?.cause);
});

for (const head of [
  '101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x',
  '101 Switching Protocols',
]) {
  test(`${JSON.stringify(head)} ends the request at once, and the connection with it`, async (t) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.write(`HTTP/1.1 ${head}\r\n\r\nxyz`));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { error } = await fetchAll({ url: `http://127.0.0.1:${port}/sync`, headers: {} });
    t.is(error?.code, 'PEER_NOT_SYNC');
    t.regex(error?.message ?? '', /answered 101/);
    // Ends only when no connection is left.
    await new Promise((resolve) => server.close(resolve));
  });
}

test('a connection that breaks before the head is unreachable', async (t) => {
  const peer = await serve(t, (_request, response) => response.destroy());
  t.is(codeOf(await fetchAll(peer)), 'PEER_UNREACHABLE');
});

test('a peer whose URL or headers can not be sent is a mistake of the caller', async (t) => {
  await t.throwsAsync(fetchAll({ url: 'not a url', headers: {} }), { instanceOf: TypeError });
  const peer: Peer = { url: 'http://127.0.0.1:1', headers: { 'x-bad': 'a\r\nb: c' } };
  await t.throwsAsync(fetchAll(peer), { instanceOf: TypeError });
});

test('a host may bring its own fetch, and one that ignores its signal can not hold up an abort', async (t) => {
  const asked: string[] = [];
  const stuck: typeof fetch = (input) => {
    asked.push(String(input instanceof Request ? input.url : input));
    return new Promise(() => undefined);
  };
  const peer = { url: 'http://node.test/sync', headers: {} };
  const open = (signal: AbortSignal): Promise<Outcome> =>
    run(
      transport({ connectTimeoutMs: 25, firstByteTimeoutMs: 25 }, stuck).open(streamRequest(peer), {
        signal,
      }),
    );
  t.is(codeOf(await open(new AbortController().signal)), 'PEER_TIMEOUT');
  const abort = new AbortController();
  const running = open(abort.signal);
  abort.abort();
  t.is(codeOf(await running), 'ABORTED');
  t.is(asked[0], 'http://node.test/sync/stream?from_height=0&codec=gzip');
});

const status = {
  protocol: 1,
  chain: 'sealed-json',
  chainId: 'c',
  base: 0,
  head: ref(5),
  finalized: null,
  codecs: { stream: ['gzip', 'identity'], json: ['identity'], snapshot: ['bzip2'], frames: ['gzip'] },
};
const { signal } = new AbortController();

test('the status document is read and members that are not known are left out', async (t) => {
  const peer = await serve(
    t,
    answer(200, {
      ...status,
      limits: { maxRange: 100, maxWaitMs: 25_000 },
      snapshots: [{ type: 'recent', id: 'recent-9-ab', height: 9, hash: 'aa', size: 1 }],
      signers: ['02ab'],
      storedAs: 'gzip',
      weather: 'fine',
    }),
  );
  t.deepEqual(await transport().status(peer, { signal }), {
    ...status,
    storedAs: 'gzip',
    tiles: null,
    maxRange: 100,
    maxWaitMs: 25_000,
    snapshots: [{ type: 'recent', id: 'recent-9-ab', height: 9, hash: 'aa' }],
    signers: ['02ab'],
  });
});

test('snapshots, signers and limits that are not understood are left out: they decide nothing', async (t) => {
  const peer = await serve(
    t,
    answer(200, {
      ...status,
      limits: { maxRange: '100' },
      snapshots: [{ type: 'half', id: 'x', height: 1, hash: 'aa' }, null, { type: 'full', height: 1 }],
      signers: [1, '', '02ab'],
      storedAs: 7,
    }),
  );
  t.like(await transport().status(peer, { signal }), {
    maxRange: null,
    snapshots: [],
    signers: ['02ab'],
    storedAs: null,
  });
});

test('members that are missing count as null or empty', async (t) => {
  const peer = await serve(
    t,
    answer(200, { protocol: 1, chain: 'linked:a,b,c', codecs: { stream: ['gzip'] } }),
  );
  t.deepEqual(await transport().status(peer, { signal }), {
    protocol: 1,
    chain: 'linked:a,b,c',
    chainId: null,
    base: 0,
    head: null,
    finalized: null,
    codecs: { stream: ['gzip'], json: [], snapshot: [], frames: [] },
    storedAs: null,
    tiles: null,
    maxRange: null,
    maxWaitMs: null,
    snapshots: [],
    signers: [],
  });
});

test('a server without a status document is told apart from one that fails', async (t) => {
  t.is(await transport().status(await serve(t, answer(404)), { signal }), null);
  for (const [code, handler] of [
    ['PEER_BUSY', answer(500)],
    ['PEER_UNAUTHORIZED', answer(401)],
    ['REDIRECT_REFUSED', answer(301, '', { location: '/' })],
    ['PEER_NOT_SYNC', answer(200, '<!doctype html><title>Welcome</title>', { 'content-type': 'text/html' })],
    ['PEER_NOT_SYNC', answer(200, '[]')],
    ['PEER_NOT_SYNC', answer(200, '{"ok":true}')],
    ['PEER_NOT_SYNC', answer(200, ' '.repeat(1024 * 1024 + 1))],
    ['PEER_NOT_SYNC', answer(203, status)],
    ['PROTOCOL_UNSUPPORTED', answer(200, { ...status, protocol: 2 })],
  ] as const) {
    const peer = await serve(t, handler);
    const error = await t.throwsAsync(transport().status(peer, { signal }));
    t.true(isSyncError(error, code), `${code}: ${String(error)}`);
  }
});

test('each member of the status document is checked', async (t) => {
  const wrong: [string, unknown][] = [
    ['chain', 5],
    ['chain', ''],
    ['chain', 'a\u001b[2J'],
    ['chainId', 5],
    ['base', -1],
    ['base', '0'],
    ['base', 2 ** 53],
    ['head', { height: 5 }],
    ['head', []],
    ['finalized', { height: 1.5, hash: 'h' }],
    ['codecs', 'gzip'],
    ['codecs', { stream: 'gzip' }],
    ['codecs', { json: [1] }],
    ['codecs', { snapshot: ['GZIP'] }],
    ['codecs', { stream: Array.from({ length: 65 }, () => 'gzip') }],
  ];
  for (const [member, value] of wrong) {
    const peer = await serve(t, answer(200, { ...status, [member]: value }));
    const error = await t.throwsAsync(transport().status(peer, { signal }));
    t.true(isSyncError(error, 'PROTOCOL_VIOLATION'), `${member} ${JSON.stringify(value)}`);
    t.true(error.message.includes(member));
  }
});

test.serial('a status document that stalls or breaks off is a timeout or an unreachable peer', async (t) => {
  const stalls = await serve(t, (_request, response) => {
    response.writeHead(200).write('{');
  });
  const limits = { idleTimeoutMs: 50, progressTimeoutMs: 200 };
  const late = await t.throwsAsync(transport(limits).status(stalls, { signal }));
  t.true(isSyncError(late, 'PEER_TIMEOUT'));
  const trickles = await serve(t, (_request, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write(' '), 10);
    response.on('close', () => {
      clearInterval(timer);
    });
  });
  const slow = await t.throwsAsync(transport(limits).status(trickles, { signal }));
  t.true(isSyncError(slow, 'PEER_TIMEOUT'));
  const breaks = await serve(t, (_request, response) => {
    response.writeHead(200).write('{', () => response.destroy());
  });
  const cut = await t.throwsAsync(transport().status(breaks, { signal }));
  t.true(isSyncError(cut, 'PEER_UNREACHABLE'));
});
