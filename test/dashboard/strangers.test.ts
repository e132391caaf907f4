import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { openChain, SyncError } from '../../src/index.js';
import { DashboardStreams } from '../../src/dashboard/streams.js';
import { syncDashboard } from '../../src/server/express.js';
import { createHttp2CleartextServer } from '../../src/server/http2.js';
import { site, stream } from '../helpers/dashboard.js';
import { listen } from '../helpers/servers.js';
import { until } from '../helpers/waiting.js';
import { extend } from '../helpers/watched-node.js';
import { listenAt } from '../server/http2-support.js';

const PATHS = ['', '/', '/state', '/events', '/errors', '/blocks/1'];

test('nothing is shown to whom nobody knows or who may not look, on any path and by any method', async (t) => {
  const asked: string[] = [];
  const node = await site(t, {
    blocks: 5,
    challenge: 'Basic realm="ledger"',
    authorize: ({ header, path, client }) => {
      asked.push(`${client} ${path}`);
      if (header('authorization') === 'Bearer former')
        throw new SyncError('FORBIDDEN', 'Your contract has ended.');
      return header('authorization') === 'Bearer secret' ? { id: 'operator' } : null;
    },
  });
  await until(() => node.engine.state.phase === 'synced');
  const ask = (path: string, method: string, token: string): Promise<Response> =>
    fetch(node.page + path, { method, headers: { authorization: `Bearer ${token}` } });
  for (const path of [...PATHS, '/blocks/x', '/blocks/400'])
    for (const method of ['GET', 'HEAD']) {
      const unknown = await ask(path, method, 'wrong');
      t.is(unknown.status, 401, path);
      t.is(unknown.headers.get('www-authenticate'), 'Basic realm="ledger"');
      t.is(unknown.headers.get('cache-control'), 'no-store');
      t.is(unknown.headers.get('x-block-hash'), null);
      const text = await unknown.text();
      t.is(
        text === '' ? 'HEAD' : (JSON.parse(text) as { code: string }).code,
        method === 'HEAD' ? 'HEAD' : 'UNAUTHORIZED',
      );
      const former = await ask(path, method, 'former');
      t.is(former.status, 403, path);
      t.is(former.headers.get('www-authenticate'), null);
      await former.body?.cancel();
    }
  t.deepEqual(
    [...new Set(asked)].sort(),
    ['/', '/blocks/1', '/blocks/400', '/blocks/x', '/errors', '/events', '/state'].map(
      (path) => `127.0.0.1 ${path}`,
    ),
  );
  for (const path of PATHS) {
    const shown = await ask(path, 'GET', 'secret');
    t.is(shown.status, 200, path);
    await shown.body?.cancel();
  }
});

test('a stream goes on when the right of its reader ends, and the next request is refused', async (t) => {
  let may = true;
  const node = await site(t, { blocks: 5, authorize: () => (may ? { id: 'a' } : null) });
  await until(() => node.engine.state.phase === 'synced');
  const { response, documents } = await stream(node.page);
  may = false;
  const before = documents.length;
  await until(() => documents.length > before + 2);
  t.is((await fetch(`${node.page}/events`)).status, 401);
  response.destroy();
});

test('a stream ends after its time, and its place is free for another one', async (t) => {
  const streams = new DashboardStreams({ all: () => 'all', newest: () => 'newest' }, 100);
  const url = await listen(t, (_req, res) => {
    streams.begin(res);
  });
  t.is(await (await fetch(url)).text(), 'data: all\n\n');
  t.is(streams.open, 0);
});

test('a host that fails to say who looks lets nobody in, is told, and is not told of clients that have gone', async (t) => {
  const chain = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json' });
  t.teardown(() => chain.close());
  const told: unknown[] = [];
  const failure = new Error('s3cret');
  let waiting = 0;
  const dashboard = syncDashboard({
    chain,
    onError: (error) => told.push(error),
    authorize: ({ header, signal }) => {
      if (header('x-case') !== 'waits') throw failure;
      waiting += 1;
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          waiting -= 1;
          reject(new Error('The client has gone.'));
        });
      });
    },
  });
  t.teardown(() => {
    dashboard.close();
  });
  const url = await listen(t, (req, res) => {
    dashboard(req, res, () => res.end());
  });
  const response = await fetch(`${url}/state`);
  t.is(response.status, 500);
  t.notRegex(await response.text(), /s3cret/);
  const leaves = new AbortController();
  const left = fetch(`${url}/state`, { headers: { 'x-case': 'waits' }, signal: leaves.signal });
  await until(() => waiting === 1);
  leaves.abort();
  await t.throwsAsync(left, { any: true });
  await until(() => waiting === 0);
  t.is((await fetch(`${url}/state`)).status, 500);
  t.deepEqual(told, [failure, failure]);
});

test('one client takes no more streams than its own, whoever it says it is, and others have theirs', async (t) => {
  const node = await site(t, { blocks: 5 });
  const streams = await Promise.all(Array.from({ length: 4 }, () => stream(node.page)));
  const refused = await fetch(`${node.page}/events`, { headers: { 'x-forwarded-for': '10.0.0.1' } });
  t.is(refused.status, 429);
  t.is((await fetch(`${node.page}/state`)).status, 200);
  const other = await listen(t, (req, res) => {
    Object.assign(req, { ip: '2001:db8::1' });
    node.dashboard(req, res, () => res.end());
  });
  const { response } = await stream(other);
  t.is(response.statusCode, 200);
  response.destroy();
  for (const each of streams) each.response.destroy();
  await until(async () => (await fetch(`${node.page}/events`, { method: 'HEAD' })).status === 200);
});

test('blocks that a client does not take are counted until it has them or is gone', async (t) => {
  const chain = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json' });
  t.teardown(() => chain.close());
  await extend(chain, 1, 'large', 2 * 1024 * 1024);
  const dashboard = syncDashboard({
    chain,
    // Believes whoever says a name.
    authorize: ({ header }) => ({ id: header('x-who') ?? 'first' }),
  });
  t.teardown(() => {
    dashboard.close();
  });
  // Over HTTP/2, where what is not taken stays with the server, and not somewhere in the system.
  const server = createHttp2CleartextServer((req, res) => {
    dashboard(req, res, () => res.end());
  });
  const url = `http://127.0.0.1:${await listenAt(server)}`;
  const clients = [connectHttp2(url), connectHttp2(url)] as const;
  t.teardown(async () => {
    for (const client of clients) client.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const [lazy, busy] = clients;
  const request = { ':path': '/blocks/0' };
  const status = async (who = 'first'): Promise<unknown> => {
    const asked = busy.request({ ...request, ':method': 'HEAD', 'x-who': who });
    const [headers] = (await once(asked, 'response')) as [Record<string, unknown>];
    await once(asked.resume(), 'close');
    return headers[':status'];
  };
  const idle = [lazy.request(request), lazy.request(request)];
  for (const each of idle) await once(each, 'response');
  for (let again = 0; again < 20; again++) t.is(await status(), 429);
  t.is(await status('another'), 200);
  const others = ['second', 'third', 'fourth'].flatMap((who) => [who, who]);
  for (const who of others) {
    const asked = lazy.request({ ...request, 'x-who': who });
    idle.push(asked);
    await once(asked, 'response');
  }
  t.is(await status('another'), 503, 'eight are not taken');
  for (const each of idle) each.on('error', () => undefined).close(constants.NGHTTP2_CANCEL);
  await until(async () => (await status()) === 200);
  for (let again = 0; again < 20; again++) {
    let bytes = 0;
    const taken = busy.request(request).on('data', (chunk: Buffer) => (bytes += chunk.length));
    await once(taken, 'close');
    t.true(bytes > 2 * 1024 * 1024);
  }
});

test('a connection with more requests than wait for answers in good order is closed', async (t) => {
  const node = await site(t, { blocks: 5 });
  const socket = connect(Number(new URL(node.page).port), '127.0.0.1').on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.pause().write('GET /sync/ui/ HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(200));
  socket.resume();
  await closed;
  t.true(socket.bytesRead < 200 * 10_000, String(socket.bytesRead));
});

test('what the page of another site makes a browser ask for is refused; a link to the page is not', async (t) => {
  const node = await site(t, { blocks: 5 });
  const ask = async (path: string, from: string): Promise<number> => {
    const response = await fetch(node.page + path, { headers: { 'sec-fetch-site': from } });
    await response.body?.cancel();
    return response.status;
  };
  await until(() => node.engine.state.phase === 'synced');
  for (const from of ['cross-site', 'same-site', 'other']) {
    for (const path of ['/state', '/events', '/blocks/1']) t.is(await ask(path, from), 403, path);
    for (const path of ['', '/', '/errors']) t.is(await ask(path, from), 200, path);
  }
  for (const from of ['same-origin', 'none'])
    for (const path of PATHS) t.is(await ask(path, from), 200, path);
});

test('a page that takes nothing gets nothing more, over HTTP/2 as well', async (t) => {
  let made = 0;
  const streams = new DashboardStreams({
    all: () => 'x'.repeat(1024 * 1024),
    newest: () => String((made += 1)),
  });
  const server = createHttp2CleartextServer((_req, res) => {
    streams.begin(res);
  });
  const client = connectHttp2(`http://127.0.0.1:${await listenAt(server)}`);
  t.teardown(async () => {
    streams.close();
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const response = client.request({ ':path': '/' }).on('error', () => undefined);
  await new Promise((resolve) => response.once('response', resolve));
  for (let round = 0; round < 4; round++) {
    streams.changed();
    await delay(600);
  }
  t.is(made, 0);
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk.replaceAll('x', '');
  });
  await until(() => {
    streams.changed();
    return text.includes('data: 2');
  });
});
