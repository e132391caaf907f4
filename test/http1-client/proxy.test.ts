import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { inspect } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { CONNECTION_OPTIONS, connectionPlan, type Environment } from '../../src/config/connection.js';
import { DEFAULT_TRANSPORT_LIMITS } from '../../src/config/limits.js';
import { openExchange } from '../../src/internal/http/exchange.js';
import { type ConnectionSettings, createHttp1Client } from '../../src/http1-client/index.js';
import { createSyncEngine, type SyncError } from '../../src/index.js';
import { readOptions } from '../../src/internal/options/index.js';
import { Cli } from '../cli/cli.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { MemorySource } from '../helpers/memory-source.js';
import { startProxy } from '../helpers/proxy.js';
import { listen, serveSource } from '../helpers/servers.js';

/** Nobody listens there. */
const NOBODY = 'http://127.0.0.1:1';

function planOf(environment: Environment, options: object = {}): ConnectionSettings {
  return connectionPlan(readOptions('t', options, CONNECTION_OPTIONS), environment, 't');
}

/** Asks for a page by a plan. @returns its status, or the error */
async function ask(t: ExecutionContext, url: string, plan: ConnectionSettings): Promise<number | SyncError> {
  const limits = { ...DEFAULT_TRANSPORT_LIMITS, connectTimeoutMs: 5_000, firstByteTimeoutMs: 5_000 };
  const client = createHttp1Client(limits, plan);
  t.teardown(() => client.close());
  const peer = { url, headers: {} };
  const { signal } = new AbortController();
  const deps = { fetch: client.fetch, limits };
  try {
    const exchange = await openExchange(deps, { peer, target: '/x', headers: {} }, signal);
    exchange.close();
    return exchange.response.status;
  } catch (error) {
    return error as SyncError;
  }
}

/** A proxy that wants a password. */
async function refusingProxy(t: ExecutionContext): Promise<string> {
  const server = createServer();
  server.on('connect', (_request, socket: Socket) => {
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('the variables of the environment say who goes through which proxy', async (t) => {
  const url = await listen(t, (_request, response) => response.end());
  const host = 'http://a.example';
  const proxy = await startProxy(t, { 'a.example': url });
  const through = async (environment: Environment, options = {}): Promise<boolean> => {
    const before = proxy.seen.length;
    const status = await ask(t, `${host}/sync`, planOf(environment, options));
    // Without the proxy nobody knows the host.
    t.is(status === 200, proxy.seen.length > before);
    return proxy.seen.length > before;
  };
  t.true(await through({ HTTP_PROXY: proxy.url }));
  t.true(await through({ HTTP_PROXY: proxy.url.replace('http://', '') }), 'the scheme may be left out');
  t.true(await through({ http_proxy: proxy.url, HTTP_PROXY: NOBODY }), 'in lower case it wins');
  t.false(await through({ HTTPS_PROXY: proxy.url }), 'that is for https');
  t.false(await through({ HTTP_PROXY: proxy.url, NO_PROXY: 'b.example, a.example' }));
  t.false(await through({ HTTP_PROXY: proxy.url, no_proxy: '*' }));
  for (const name of ['.example', '*.example', 'example', 'A.EXAMPLE', 'a.example:80', 'b a.example'])
    t.false(await through({ HTTP_PROXY: proxy.url, NO_PROXY: name }), name);
  for (const name of ['a.example:81', 'b.a.example', 'ample', '10.0.0.0/8'])
    t.true(await through({ HTTP_PROXY: proxy.url, NO_PROXY: name }), name);
  t.false(await through({ HTTP_PROXY: NOBODY }, { proxy: null }));
  t.true(await through({ NO_PROXY: '*' }, { proxy: proxy.url }), 'what the host says holds for all');
  t.false(await through({ HTTP_PROXY: '' }));
  t.is(await ask(t, url, planOf({ HTTP_PROXY: NOBODY })), 200, 'this machine is left out');
});

test('a failure names the proxy and who set it, without its password', async (t) => {
  const proxy = NOBODY.replace('//', '//user:pa55word@');
  for (const [plan, saidBy] of [
    [planOf({ HTTP_PROXY: proxy }), 'HTTP_PROXY of the environment'],
    [planOf({}, { proxy }), 'the option `proxy`'],
  ] as const) {
    const error = (await ask(t, 'http://a.example/sync', plan)) as SyncError;
    t.is(error.code, 'PEER_UNREACHABLE');
    t.true(error.message.includes(`a proxy is set by ${saidBy}: ${NOBODY}`), error.message);
    t.notRegex(inspect(error, { depth: 20, showHidden: true }), /pa55word/);
  }
  const spared = planOf({ HTTP_PROXY: proxy, NO_PROXY: 'a.example' });
  const alone = (await ask(t, 'http://a.example/sync', spared)) as SyncError;
  t.true(alone.message.includes('save for hosts of NO_PROXY'), alone.message);
  const refusing = await refusingProxy(t);
  const refused = (await ask(t, 'https://a.example/sync', planOf({}, { proxy: refusing }))) as SyncError;
  t.is(refused.code, 'PEER_UNREACHABLE');
  t.true(refused.message.includes('a proxy is set by'), refused.message);
});

test('a proxy of the environment that is none is refused by the call, by the name of its variable', (t) => {
  for (const value of ['socks5://a:1', 'http://a/path', 'http://'])
    t.throws(() => planOf({ HTTPS_PROXY: value }), { instanceOf: TypeError, message: /HTTPS_PROXY/ }, value);
});

test('a redirect takes no header to another place, through a proxy neither', async (t) => {
  const seen: unknown[] = [];
  const elsewhere = await listen(t, (request, response) => {
    seen.push(request.headers.authorization);
    response.end();
  });
  const url = await listen(t, (_request, response) => {
    response.writeHead(307, { location: `${elsewhere}/sync/status` }).end();
  });
  const proxy = await startProxy(t);
  const engine = createSyncEngine({
    peers: [{ url, headers: { authorization: () => 'Bearer secret' } }],
    storage: { use: 'memory' },
    proxy: proxy.url,
  });
  t.teardown(() => engine.close());
  await t.throwsAsync(engine.start(), { code: 'REDIRECT_REFUSED' });
  t.true(proxy.seen.length > 0);
  t.deepEqual(seen, []);
});

test('an engine closes its connections to the proxy, and a host with a `fetch` of its own can not set one', async (t) => {
  const url = await serveSource(t, new MemorySource(sealedChain(3)));
  const proxy = await startProxy(t);
  const config = { peers: [url], storage: { use: 'memory' } as const, proxy: proxy.url };
  const engine = createSyncEngine(config);
  await engine.start();
  t.is(engine.state.checkpoint?.head?.height, 2);
  t.true(proxy.seen.every((line) => line.startsWith(`GET ${url}/sync/`)));
  await engine.close();
  t.throws(() => createSyncEngine({ ...config, fetch }), { message: /`proxy` does not go with `fetch`/ });
  t.throws(() => createSyncEngine({ ...config, proxy: null, tls: {}, fetch }), {
    message: /`tls` does not go/,
  });
});

test('the command line takes the proxy of the environment, and says so when that is why it fails', async (t) => {
  const source = await serveSource(t, new MemorySource(sealedChain(3)));
  const proxy = await startProxy(t, { 'a.example': source });
  const url = 'http://a.example';
  const good = await new Cli(t, ['status', '--peer', url], { HTTP_PROXY: proxy.url, NO_PROXY: '' }).finished;
  t.is(good.code, 0, good.stderr);
  t.true(proxy.seen.length > 0);
  const bad = await new Cli(t, ['status', '--peer', url], { HTTP_PROXY: NOBODY, NO_PROXY: '' }).finished;
  t.is(bad.code, 1);
  t.regex(bad.stderr, /a proxy is set by HTTP_PROXY of the environment/);
  const option = await new Cli(t, ['status', '--peer', url, '--proxy', NOBODY]).finished;
  t.regex(option.stderr, /a proxy is set by the option --proxy/);
});
