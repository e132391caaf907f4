import { createHash } from 'node:crypto';
import test from 'ava';
import { openChain, SyncError } from '../../src/index.js';
import type { DashboardDocument } from '../../src/dashboard/document.js';
import { pageOf } from '../../src/dashboard/page-file.js';
import { syncDashboard } from '../../src/server/express.js';
import { site, stream } from '../helpers/dashboard.js';
import { listen } from '../helpers/servers.js';
import { until } from '../helpers/waiting.js';
import { extend, reorganise, type WatchedSite } from '../helpers/watched-node.js';

const MAX_PAGE_BYTES = 80_000;

async function stateOf({ page }: WatchedSite): Promise<DashboardDocument> {
  return (await (await fetch(`${page}/state`)).json()) as DashboardDocument;
}

test('the page is one file under 80 kB that names nothing outside of it', async (t) => {
  const { page } = await site(t);
  for (const url of [page, `${page}/`]) {
    const response = await fetch(url);
    const html = await response.text();
    t.is(response.headers.get('content-type'), 'text/html; charset=utf-8');
    t.true(Buffer.byteLength(html) > 10_000 && Buffer.byteLength(html) < MAX_PAGE_BYTES, String(html.length));
    t.notRegex(html, /\bsrc=|@import|url\(|<link rel="(?!icon" href="data:,")/);
    t.deepEqual(html.match(/https?:\/\/[^'"]+/g), ['http://www.w3.org/2000/svg']);
  }
});

test('the policy of the page allows its own script and style by their hashes, and nothing inline beside them', async (t) => {
  const { page } = await site(t);
  for (const path of ['', '/errors']) {
    const response = await fetch(page + path);
    const html = await response.text();
    const policy = response.headers.get('content-security-policy') ?? '';
    const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(html) ?? [];
    t.true(
      policy.includes(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`),
      path,
    );
    t.true(policy.startsWith("default-src 'none'; script-src '"));
    t.notRegex(policy, /unsafe|\*|https?:/);
    t.notRegex(html, / style=| on[a-z]+="/);
    t.is(response.headers.get('x-content-type-options'), 'nosniff');
  }
  t.true(pageOf(Buffer.from('<p>')).policy.includes("script-src 'none'"));
});

test('the document tells heights, peers and what is served, and the streams have its changes', async (t) => {
  const node = await site(t, { blocks: 40 });
  await until(() => node.engine.state.phase === 'synced');
  const { response, documents } = await stream(node.page);
  t.is(response.headers['content-type'], 'text/event-stream');
  await extend(node.source, 5);
  await until(() => documents.at(-1)?.here?.height === 44);
  await until(async () => (await stateOf(node)).here?.height === 44);
  const state = await stateOf(node);
  t.is(state.version, 1);
  t.is(state.chain, 'sealed-json');
  t.is(state.phase, 'synced');
  t.is(state.top, 44);
  t.is(state.confirmed?.height, 44);
  t.is(state.final?.height, 32);
  t.is(state.assumed, null);
  t.is(state.watchers, 1);
  t.is(state.server?.maxStreams, 1_000);
  t.deepEqual(
    state.peers.map(({ state: now, head, lag, why }) => [now, head, lag, why]),
    [['active', 44, 0, null]],
  );
  response.destroy();
  await until(async () => (await stateOf(node)).watchers === 0);
});

test('each second has the blocks and bytes that came in it', async (t) => {
  const node = await site(t, { blocks: 20 });
  await until(() => node.engine.state.phase === 'synced');
  const dashboard = syncDashboard({ engine: node.engine });
  t.teardown(() => {
    dashboard.close();
  });
  const url = await listen(t, (req, res) => {
    dashboard(req, res, () => res.end());
  });
  const sums = async (): Promise<readonly [number, number]> => {
    const { samples } = (await (await fetch(`${url}/state`)).json()) as DashboardDocument;
    const sum = (index: 2 | 3): number => samples.reduce((total, sample) => total + sample[index], 0);
    return [sum(2), sum(3)];
  };
  await extend(node.source, 7);
  await until(async () => (await sums())[0] === 7);
  const [, bytes] = await sums();
  t.true(bytes > 7 * 100, String(bytes));
});

test('a fork is an entry with what was dropped', async (t) => {
  const node = await site(t, { blocks: 30 });
  await until(() => node.engine.state.phase === 'synced');
  const before = node.source.tip().head?.hash;
  await reorganise(node.source, 4, 'second');
  await until(async () => (await stateOf(node)).forks.some(({ kind }) => kind === 'rollback'));
  const { forks, here } = await stateOf(node);
  const [fork] = forks;
  t.is(fork?.kind, 'rollback');
  t.deepEqual([fork?.height, fork?.dropped, fork?.ours?.hash], [25, 4, before]);
  t.true((here?.height ?? 0) >= 25);
});

test('a peer that lied is told of with the code and the message', async (t) => {
  const node = await site(t, { blocks: 60, hasLiar: true });
  await until(() => node.engine.state.phase === 'synced');
  const [liar] = (await stateOf(node)).peers;
  t.is(liar?.state, 'dropped');
  t.is(liar?.why?.code, 'HASH_MISMATCH');
  t.regex(liar?.why?.message ?? '', /20/);
  const codes = await (await fetch(`${node.page}/errors`)).text();
  t.true(codes.includes('<section id="HASH_MISMATCH"'));
});

test('a node that follows nobody shows its chain, as it grows and goes back', async (t) => {
  const chain = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json' });
  t.teardown(() => chain.close());
  await extend(chain, 20);
  const dashboard = syncDashboard({ chain });
  const url = await listen(t, (req, res) => {
    dashboard(req, res, () => res.writeHead(404).end());
  });
  t.teardown(() => {
    dashboard.close();
  });
  const { documents } = await stream(url);
  await until(() => documents.length > 0);
  t.is(documents[0]?.phase, 'serving');
  t.is(documents[0]?.here?.height, 19);
  t.is(documents[0]?.server, null);
  t.is(documents[0]?.isClaim, false);
  await reorganise(chain, 3, 'second');
  await until(() => documents.at(-1)?.here?.height === 21);
  t.deepEqual(documents.at(-1)?.forks[0]?.dropped, 3);
  t.is((await fetch(`${url}/elsewhere`)).status, 404);
});

test('a block is sent as its bytes are in the store, and nothing else than a height is one', async (t) => {
  const node = await site(t, { blocks: 10 });
  await until(() => node.engine.state.phase === 'synced');
  const response = await fetch(`${node.page}/blocks/7`);
  const block = await node.engine.chain?.get(7);
  t.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(block?.bytes ?? []));
  t.is(response.headers.get('x-block-hash'), block?.hash ?? null);
  t.is(response.headers.get('x-block-previous-hash'), block?.previousHash ?? null);
  for (const [height, status] of [
    ['10', 404],
    ['-1', 400],
    ['1e3', 400],
    ['', 400],
    ['../status', 404],
    ['9007199254740993', 400],
  ] as const) {
    const answer = await fetch(`${node.page}/blocks/${height}`);
    t.is(answer.status === 200 ? 404 : answer.status, status, height);
  }
});

test('a document that is too large to be looked at is refused before it is decoded', async (t) => {
  const chain = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json' });
  t.teardown(() => chain.close());
  await extend(chain, 1, 'large', 5 * 1024 * 1024);
  const dashboard = syncDashboard({ chain });
  t.teardown(() => {
    dashboard.close();
  });
  const url = await listen(t, (req, res) => {
    dashboard(req, res, () => res.end());
  });
  const response = await fetch(`${url}/blocks/0`);
  t.is(response.status, 500);
  t.is(((await response.json()) as { code: string }).code, 'BLOCK_TOO_LARGE');
});

test('streams are bounded in number, and get no more than two updates a second', async (t) => {
  const node = await site(t, { blocks: 5, authorize: ({ header }) => ({ id: header('x-who') ?? 'nobody' }) });
  const streams = await Promise.all(
    Array.from({ length: 16 }, (_, index) => stream(node.page, { 'x-who': `reader ${index >> 2}` })),
  );
  const refused = await fetch(`${node.page}/events`);
  t.is(refused.status, 503);
  t.is(refused.headers.get('retry-after'), '5');
  await until(() => streams.every(({ documents }) => documents.length > 0));
  const startedMs = performance.now();
  const before = streams.map(({ documents }) => documents.length);
  for (let round = 0; round < 40; round++) {
    await extend(node.source, 1);
    await until(() => node.engine.state.checkpoint?.head?.height === round + 5);
  }
  await until(() => streams.every(({ documents }) => documents.at(-1)?.here?.height === 44));
  const allowed = (performance.now() - startedMs) / 500 + 2;
  for (const [index, { documents }] of streams.entries())
    t.true(documents.length - (before[index] ?? 0) <= allowed, `${documents.length} updates`);
  streams[0]?.response.destroy();
  await until(async () => (await fetch(`${node.page}/events`, { method: 'HEAD' })).status === 200);
});

test('the document is bounded in bytes, whatever happens', async (t) => {
  const node = await site(t, { blocks: 100 });
  await until(() => node.engine.state.phase === 'synced');
  for (let fork = 0; fork < 40; fork++) {
    await reorganise(node.source, 2, `branch ${fork} `);
    const head = node.source.tip().head?.hash;
    await until(() => node.engine.state.checkpoint?.head?.hash === head);
  }
  const { forks } = await stateOf(node);
  t.is(forks.length, 30);
  const text = await (await fetch(`${node.page}/state`)).text();
  t.true(text.length < 32_000, String(text.length));
});

test('other methods are refused, and what is no path of the dashboard goes on to the next handler', async (t) => {
  const node = await site(t, { blocks: 5 });
  const posted = await fetch(`${node.page}/state`, { method: 'POST', body: '{}' });
  t.is(posted.status, 405);
  t.is(posted.headers.get('allow'), 'GET, HEAD');
  t.is((await fetch(`${node.page}/statement`)).status, 404);
  const head = await fetch(node.page, { method: 'HEAD' });
  t.is(head.status, 200);
  t.is(await head.text(), '');
  t.is((await fetch(`${node.node.url}/sync/status`)).status, 200);
});

test('the middleware that an app has in front of the dashboard decides who sees it', async (t) => {
  const node = await site(t, {
    blocks: 5,
    before: (req, res, next) => {
      if (req.headers.authorization === 'Bearer secret') next();
      else res.status(401).end();
    },
  });
  for (const path of ['', '/state', '/events', '/errors', '/blocks/1']) {
    t.is((await fetch(node.page + path)).status, 401, path);
    if (path === '/events') continue;
    t.is((await fetch(node.page + path, { headers: { authorization: 'Bearer secret' } })).status, 200, path);
  }
});

test('a dashboard that is closed ends its streams, listens to nothing, and answers 503', async (t) => {
  const node = await site(t, { blocks: 5 });
  await until(() => node.engine.state.phase === 'synced');
  let listeners = 0;
  const engine = new Proxy(node.engine, {
    get(target, name) {
      if (name !== 'events') {
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      }
      return {
        subscribe: (listener: () => void) => {
          const subscription = target.events.subscribe(listener);
          listeners += 1;
          subscription.add(() => {
            listeners -= 1;
          });
          return subscription;
        },
      };
    },
  });
  const dashboard = syncDashboard({ engine });
  const url = await listen(t, (req, res) => {
    dashboard(req, res, () => res.end());
  });
  const { response } = await stream(url);
  t.is(listeners, 1);
  const ended = new Promise((resolve) => response.once('end', resolve));
  dashboard.close();
  await ended;
  t.is(listeners, 0);
  t.is((await fetch(`${url}/state`)).status, 503);
});

test('a source that fails is told to the host and not to whoever looks', async (t) => {
  const chain = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json' });
  t.teardown(() => chain.close());
  await extend(chain, 1);
  const failure = new SyncError('STORE_IO', 'The disk at /secret is gone.');
  const broken = new Proxy(chain, {
    get(target, name) {
      if (name === 'read')
        return () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(failure) }) });
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const told: unknown[] = [];
  const dashboard = syncDashboard({ chain: broken, onError: (error) => told.push(error) });
  t.teardown(() => {
    dashboard.close();
  });
  const url = await listen(t, (req, res) => {
    dashboard(req, res, () => res.end());
  });
  const response = await fetch(`${url}/blocks/0`);
  t.true(response.status >= 500);
  t.notRegex(await response.text(), /secret/);
  t.deepEqual(told, [failure]);
});

test('a dashboard of nothing, and options that are none, are refused', (t) => {
  const refused = (options: object, message: RegExp): void => {
    t.throws(() => syncDashboard(options), { instanceOf: TypeError, message });
  };
  refused({}, /engine/);
  refused({ engine: {} }, /`start`/);
  refused({ chain: {} }, /`tip`/);
  refused({ server: {} }, /`status`/);
  refused({ engin: null }, /engin/);
  refused({ onError: 1 }, /onError/);
});
