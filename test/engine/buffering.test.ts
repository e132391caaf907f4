import type { IncomingMessage, ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import type { Chain } from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import type { PeerFault } from '../../src/testing/peer/fault.js';
import { type FaultInjector, faultInjector } from '../../src/testing/peer/injector.js';
import { listen } from '../helpers/servers.js';
import { nginx, nginxTest } from '../helpers/stock-nginx.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import { blocksOn, fork, Follower, serveChain, sourceChain } from './follow-support.js';

/** A follower behind a proxy, in a hurry to call a stream mute. */
async function behind(
  t: ExecutionContext,
  fault: PeerFault | null,
  limits: object = {},
): Promise<{ readonly chain: Chain; readonly proxy: FaultInjector; readonly follower: Follower }> {
  const chain = await sourceChain(t, 20);
  const { url } = await serveChain(t, chain);
  const proxy = await faultInjector(url);
  if (fault !== null) proxy.inject(fault);
  t.teardown(() => proxy.close());
  const follower = new Follower(t, {
    peers: [`${proxy.url}/sync`],
    limits: { muteTimeoutMs: 300, ...limits },
  });
  return { chain, proxy, follower };
}

/** Blocks one by one, each once the one before is there. */
async function grow(chain: Chain, follower: Follower, count: number): Promise<void> {
  for (let made = 0; made < count; made++) {
    await chain.append(blocksOn(chain.tip().head, 1, 'live'));
    await follower.reaches(chain);
  }
}

const warned = (follower: Follower): number =>
  follower.events.filter((event) => event.type === 'warning' && event.code === 'STREAM_BUFFERED').length;

const HOLDING: readonly (readonly [title: string, fault: PeerFault])[] = [
  ['waits for the whole of each response', { kind: 'buffer', hold: 'all' }],
  ['waits for 64 KiB', { kind: 'buffer', hold: { bytes: 64 * 1024 } }],
  ['waits for ten minutes', { kind: 'buffer', hold: { ms: 600_000 } }],
  ['never sends on what stays open', { kind: 'buffer', hold: 'body' }],
  ['compresses what it is told to leave as it is', { kind: 'compress' }],
];

for (const [title, fault] of HOLDING)
  test(`a node behind a proxy that ${title} follows by long poll, and says why`, async (t) => {
    const { chain, proxy, follower } = await behind(t, fault);
    await follower.reaches(chain);
    await until(() => warned(follower) === 1);
    await until(() => follower.phases.includes('synced'));
    const phases = follower.phases.length;
    await grow(chain, follower, 10);
    t.is(follower.phases.length, phases, 'the phase stays');
    t.is(follower.engine.state.phase, 'synced');
    t.is(follower.engine.state.mode, 'json');
    t.is(warned(follower), 1);
    t.true(proxy.requests.some((url) => url.includes('wait=')));
    const streams = proxy.requests.filter((url) => url.startsWith('GET /sync/stream?from'));
    t.is(streams.length, 2, 'two were mute, and no further one is tried');
    await follower.engine.close();
  });

test('a fork while a node waits is taken without leaving its phase, and so is a branch that is shorter at first', async (t) => {
  const { chain, follower } = await behind(t, { kind: 'buffer', hold: 'all' });
  await until(() => warned(follower) === 1 && follower.engine.state.phase === 'synced');
  await grow(chain, follower, 2);
  const phases = follower.phases.length;
  await fork(chain, 15, 9, 'longer');
  await follower.reaches(chain);
  await grow(chain, follower, 2);
  const { head: ours } = chain.tip();
  await fork(chain, 18, 1, 'shorter');
  await follower.until(() => follower.events.some(({ type }) => type === 'rollback-held'));
  t.is(follower.engine.chain?.tip().head?.hash, ours?.hash, 'ours is kept until the other one is as long');
  await chain.append(blocksOn(chain.tip().head, 20, 'shorter'));
  await follower.reaches(chain);
  await grow(chain, follower, 1);
  t.is(follower.rollbacks.length, 2);
  t.is(chain.tip().head?.height, follower.view().length - 1);
  t.is(follower.phases.length, phases);
  await follower.engine.close();
});

test('a node whose server is gone while it waits goes on when that is back', async (t) => {
  const chain = await sourceChain(t, 20);
  const line = await serveChain(t, chain);
  const proxy = await faultInjector(line.url);
  proxy.inject({ kind: 'buffer', hold: 'all' });
  t.teardown(() => proxy.close());
  const follower = new Follower(t, { peers: [`${proxy.url}/sync`], limits: { muteTimeoutMs: 300 } });
  await until(() => warned(follower) === 1 && follower.engine.state.phase === 'synced');
  line.cut();
  await follower.until(() => follower.events.some((event) => event.type === 'retry' && event.attempt > 1));
  await chain.append(blocksOn(chain.tip().head, 3, 'meanwhile'));
  line.mend();
  await follower.reaches(chain);
  await grow(chain, follower, 3);
  t.is(follower.engine.state.mode, 'json');
  await follower.engine.close();
});

test('once streams get through again, they bring the blocks again', async (t) => {
  const { chain, proxy, follower } = await behind(t, { kind: 'buffer', hold: 'all' }, { streamRetryMs: 200 });
  await until(() => warned(follower) === 1 && follower.engine.state.phase === 'synced');
  proxy.clear();
  await follower.until(() => follower.engine.state.mode === 'stream');
  await follower.until(() => follower.engine.state.phase === 'synced');
  await grow(chain, follower, 3);
  t.is(warned(follower), 1, 'one that goes on to be mute is told of once');
  t.false(
    follower.events.some(
      (event) => event.type === 'peer' && event.error !== null && event.error.code !== 'STREAM_BUFFERED',
    ),
  );
  await follower.engine.close();
});

test('the mode `json` follows by long poll and asks for no stream', async (t) => {
  const chain = await sourceChain(t, 20);
  const { url } = await serveChain(t, chain);
  const proxy = await faultInjector(url);
  t.teardown(() => proxy.close());
  const follower = new Follower(t, { peers: [`${proxy.url}/sync`], mode: 'json' });
  await follower.until(() => follower.engine.state.phase === 'synced');
  await grow(chain, follower, 10);
  t.false(proxy.requests.some((path) => path.startsWith('/sync/stream')));
  t.is(follower.engine.state.phase, 'synced');
  await follower.engine.close();
});

test('the mode `stream` stays with the stream, and tells that something holds it back', async (t) => {
  const chain = await sourceChain(t, 20);
  const { url } = await serveChain(t, chain);
  const proxy = await faultInjector(url);
  proxy.inject({ kind: 'buffer', hold: 'body' });
  t.teardown(() => proxy.close());
  const limits = { muteTimeoutMs: 300 };
  const follower = new Follower(t, { peers: [`${proxy.url}/sync`], mode: 'stream', limits });
  await until(() => warned(follower) === 1);
  t.false(proxy.requests.some((path) => path.startsWith('/sync/json')));
  await follower.engine.close();
});

/** A server of an earlier version before a chain, or a line to it; `asked` has when it was asked for what is new. */
async function altered(
  t: ExecutionContext,
  chain: Chain,
  alter: (request: IncomingMessage, response: ServerResponse) => boolean,
): Promise<string> {
  const server = createSyncServer({ source: chain });
  t.teardown(() => server.close());
  const handle = nodeListener(server);
  return listen(t, (request, response) => {
    if (!alter(request, response)) handle(request, response);
  });
}

test('a server that answers at once is asked once a second', async (t) => {
  const chain = await sourceChain(t, 20);
  const askedMs: number[] = [];
  const url = await altered(t, chain, (request, response) => {
    const { url: path = '' } = request;
    request.url = path.replace(/&wait=\d+/, '');
    if (path.includes('from=20')) askedMs.push(performance.now());
    if (path !== '/sync/status') return false;
    const codecs = { stream: [], json: ['identity'], snapshot: [] };
    const { head } = chain.tip();
    const status = { protocol: 1, chain: 'sealed-json', chainId: chain.chainId(), base: 0, head, codecs };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(status));
    return true;
  });
  const follower = new Follower(t, { peers: [`${url}/sync`] });
  await follower.reaches(chain);
  await until(() => askedMs.length >= 5);
  // The first is the end of the history; then come turns. Under load they are later, and never sooner.
  const gaps = askedMs.slice(2).map((ms, index) => ms - (askedMs[index + 1] ?? 0));
  t.true(
    gaps.every((gap) => gap > 700),
    gaps.map(Math.round).join(' '),
  );
  await grow(chain, follower, 1);
  await follower.engine.close();
});

test('where waits are cut on the way, the node goes on by shorter ones without a word', async (t) => {
  const chain = await sourceChain(t, 20);
  let cuts = 0;
  const url = await altered(t, chain, (request, response) => {
    const seconds = Number(/&wait=(\d+)/.exec(request.url ?? '')?.[1] ?? 0);
    if (seconds > 1)
      setTimeout(() => {
        if (response.headersSent) return;
        cuts += 1;
        response.writeHead(504).end();
      }, 1_100);
    return seconds > 1;
  });
  const follower = new Follower(t, { peers: [`${url}/sync`], mode: 'json' });
  await follower.until(() => follower.engine.state.phase === 'synced');
  const phases = follower.phases.length;
  await until(() => cuts === 1);
  await grow(chain, follower, 3);
  t.is(cuts, 1);
  t.is(follower.phases.length, phases);
  t.false(follower.events.some(({ type }) => type === 'retry'));
  await follower.engine.close();
});

for (const [title, extra, mode] of [
  ['with its defaults lets streams through', '', 'stream'],
  ['that ignores what the server says holds streams back', 'proxy_ignore_headers X-Accel-Buffering;', 'json'],
] as const)
  nginxTest(`nginx ${title}`, async (t) => {
    const chain = await sourceChain(t, 20);
    const { url } = await serveChain(t, chain);
    const lines = `location / { proxy_pass ${url}; proxy_buffering on; ${extra} }`;
    const proxy = await nginx(t, tempDir(t), lines);
    const limits = { muteTimeoutMs: 1_000 };
    const follower = new Follower(t, { peers: [`${proxy}/sync`], limits });
    await follower.until(
      () => follower.engine.state.phase === 'synced' && follower.engine.state.mode === mode,
    );
    await grow(chain, follower, 5);
    t.is(follower.engine.state.mode, mode);
    await follower.engine.close();
  });
