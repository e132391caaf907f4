import test, { type ExecutionContext } from 'ava';
import { http2Fetch } from '../../src/http2-client/index.js';
import type { Chain } from '../../src/index.js';
import { createHttp2CleartextServer } from '../../src/server/http2.js';
import {
  type AuditEntry,
  createSyncServer,
  nodeListener,
  type SyncServer,
  type SyncServerConfig,
} from '../../src/server/index.js';
import { blocksOn, refAt, sourceChain } from '../engine/follow-support.js';
import { listen } from '../helpers/servers.js';
import { turns, until } from '../helpers/waiting.js';
import { listenAt } from './http2-support.js';

interface Served {
  readonly chain: Chain;
  readonly server: SyncServer;
  readonly url: string;
}

async function serve(t: ExecutionContext, options: Partial<SyncServerConfig> = {}): Promise<Served> {
  const chain = await sourceChain(t, 10);
  const server = createSyncServer({ source: chain, ...options });
  t.teardown(() => server.close());
  return { chain, server, url: `${await listen(t, nodeListener(server))}/sync` };
}

/** A request that is held by the server once this resolves. */
async function held(
  { server, url }: Served,
  query: string,
  init: RequestInit = {},
): Promise<{ readonly answer: Promise<Response> }> {
  const before = server.openStreams;
  const answer = fetch(`${url}/json?${query}`, init);
  answer.catch(() => undefined);
  await until(() => server.openStreams > before);
  return { answer };
}

const append = (chain: Chain, count = 1, label = 'live'): Promise<unknown> =>
  chain.append(blocksOn(chain.tip().head, count, label));
const heights = async (response: Response): Promise<readonly number[]> =>
  ((await response.json()) as { height: number }[]).map(({ height }) => height);

test('a range that may wait is answered once there is a block, and by no cache', async (t) => {
  const served = await serve(t);
  const { chain, server, url } = served;
  const there = await fetch(`${url}/json?from=9&wait=5`);
  t.deepEqual(await heights(there), [9], 'what is there is not waited for');
  const parent = await refAt(chain, 9);
  const { answer } = await held(served, `from=10&wait=25&parent_hash=${parent.hash}`);
  await append(chain);
  const response = await answer;
  t.is(response.status, 200);
  t.is(response.headers.get('cache-control'), 'no-store, no-transform');
  t.is(response.headers.get('x-chain-head'), '10');
  t.deepEqual(await heights(response), [10]);
  await until(() => server.openStreams === 0);
});

test('without a block the answer is empty after the limit of the server, which the status names', async (t) => {
  const { url } = await serve(t, { limits: { maxWaitMs: 50 } });
  const status = (await (await fetch(`${url}/status`)).json()) as { limits: { maxWaitMs: number } };
  t.is(status.limits.maxWaitMs, 50);
  const response = await fetch(`${url}/json?from=10&wait=3600`);
  t.is(response.status, 200);
  t.is(await response.text(), '[]');
  const frames = await fetch(`${url}/json?from=10&wait=1&frames=gzip`);
  t.is((await frames.arrayBuffer()).byteLength, 0);
});

test('what is no number of seconds is refused, and a HEAD does not wait', async (t) => {
  const { url } = await serve(t);
  const wrong = [
    'wait=',
    'wait=-1',
    'wait=1.5',
    'wait=x',
    'wait=1e3',
    'wait=01',
    'wait=1&wait=2',
    'wait[]=1',
  ];
  for (const query of [...wrong, 'wait=1000000', 'wait=%31%00']) {
    const response = await fetch(`${url}/json?from=10&${query}`);
    t.is(response.status, 400, query);
    t.is(((await response.json()) as { code: string }).code, 'BAD_REQUEST', query);
  }
  t.is((await fetch(`${url}/json?from=10&wait=0`)).status, 200);
  t.is((await fetch(`${url}/json?from=10&wait=60`, { method: 'HEAD' })).status, 200);
});

test('a rollback below the block that a client names ends its wait, whatever comes in its place', async (t) => {
  const served = await serve(t);
  const { chain } = served;
  const [common, parent] = await Promise.all([refAt(chain, 7), refAt(chain, 9)]);
  const first = await held(served, `from=10&wait=25&parent_hash=${parent.hash}`);
  await chain.rollback(common);
  const dropped = await first.answer;
  t.is(dropped.status, 409);
  const { code, ancestors } = (await dropped.json()) as { code: string; ancestors: unknown[] };
  t.is(code, 'FORKED');
  t.deepEqual(ancestors[0], common);

  await append(chain, 2, 'other');
  const replaced = await refAt(chain, 9);
  const second = await held(served, `from=10&wait=25&parent_hash=${replaced.hash}`);
  await chain.rollback(common);
  await append(chain, 3, 'third');
  t.is((await second.answer).status, 409, 'also where the new branch is longer');
});

test('news of other heights than the one that is waited for are no answer', async (t) => {
  const served = await serve(t);
  const { chain } = served;
  const parent = await refAt(chain, 9);
  const { answer } = await held(served, 'from=12&wait=25');
  await append(chain);
  await chain.rollback(parent);
  await append(chain, 2);
  await append(chain);
  t.deepEqual(await heights(await answer), [12]);
});

test('waits are streams for what a client may have open, and one that has gone frees its place', async (t) => {
  const served = await serve(t, { limits: { maxStreamsPerAddress: 1, maxAnswersPerClient: 5 } });
  const { server, url } = served;
  const gone = new AbortController();
  await held(served, 'from=10&wait=25', { signal: gone.signal });
  const refused = await fetch(`${url}/json?from=10&wait=25`);
  t.is(refused.status, 429);
  t.is(((await refused.json()) as { code: string }).code, 'TOO_MANY_STREAMS');
  t.is((await fetch(`${url}/json?from=0`)).status, 200, 'other answers have places of their own');
  gone.abort();
  await until(() => server.openStreams === 0);
  await held(served, 'from=10&wait=25');
  t.is(server.openStreams, 1);
});

test('who may read is asked before a wait, and has limits of its own; the audit tells what was given', async (t) => {
  const audit: AuditEntry[] = [];
  const lines: [object, string | undefined][] = [];
  const note = (fields: object, text?: string): unknown => lines.push([fields, text]);
  const served = await serve(t, {
    authorize: ({ header }) => (header('authorization') === 'Bearer a' ? { id: 'a', maxStreams: 1 } : null),
    audit: (entry) => audit.push(entry),
    logger: { debug: () => undefined, info: note, warn: () => undefined, error: () => undefined },
  });
  const { chain, server, url } = served;
  const headers = { authorization: 'Bearer a' };
  t.is((await fetch(`${url}/json?from=10&wait=25`)).status, 401);
  const { answer } = await held(served, 'from=10&wait=25', { headers });
  t.is((await fetch(`${url}/json?from=10&wait=25`, { headers })).status, 429);
  await append(chain, 2);
  await (await answer).text();
  await until(() => audit.length === 1);
  t.like(audit[0], { principal: 'a', way: 'poll', from: 10, to: 11 });
  await until(() => lines.some(([, text]) => text === 'long poll ended'));
  t.deepEqual(new Map(server.tally.answers.entries()).get('poll 200'), 1);
});

test('a server that closes ends all waits at once', async (t) => {
  const served = await serve(t);
  const { answer } = await held(served, 'from=10&wait=25');
  await served.server.close({ graceMs: 60_000 });
  t.is((await answer).status, 503);
});

test('many wait for the same block with one subscription, and each gets it', async (t) => {
  const chain = await sourceChain(t, 10);
  let subscriptions = 0;
  const source = new Proxy(chain, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (name === 'subscribe') subscriptions += 1;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const server = createSyncServer({ source, limits: { maxStreamsPerAddress: 1_000 } });
  t.teardown(() => server.close());
  const url = `${await listen(t, nodeListener(server))}/sync`;
  const before = subscriptions;
  const answers = Array.from({ length: 300 }, () => fetch(`${url}/json?from=10&wait=25`));
  await until(() => server.openStreams === 300);
  t.is(subscriptions - before, 1);
  await append(chain);
  for (const answer of answers) t.deepEqual(await heights(await answer), [10]);
  await until(() => server.openStreams === 0);
});

test('a rollback that ends many waits is looked up once for all, and each is told', async (t) => {
  const chain = await sourceChain(t, 10);
  let reads = 0;
  const source = new Proxy(chain, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (name === 'header') reads += 1;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const server = createSyncServer({ source, limits: { maxStreamsPerAddress: 1_000 } });
  t.teardown(() => server.close());
  const url = `${await listen(t, nodeListener(server))}/sync`;
  const [common, parent] = await Promise.all([refAt(chain, 7), refAt(chain, 9)]);
  const query = `from=10&wait=25&parent_hash=${parent.hash}`;
  const answers = Array.from({ length: 200 }, () => fetch(`${url}/json?${query}`));
  await until(() => server.openStreams === 200);
  await turns(10);
  reads = 0;
  await chain.rollback(common);
  for (const answer of answers) {
    const response = await answer;
    t.is(response.status, 409);
    t.deepEqual(((await response.json()) as { ancestors: unknown[] }).ancestors[0], common);
  }
  t.true(reads < 50, `${reads} headers were read`);
});

test('over HTTP/2 a wait is answered, and one that is called off frees its place', async (t) => {
  const chain = await sourceChain(t, 10);
  const server = createSyncServer({ source: chain });
  t.teardown(() => server.close());
  const http2 = createHttp2CleartextServer(nodeListener(server));
  const origin = `http://127.0.0.1:${await listenAt(http2)}/sync`;
  const client = http2Fetch();
  t.teardown(async () => {
    await client.close();
    http2.close();
  });
  const ask = (signal: AbortSignal): ReturnType<typeof client> =>
    client(new URL(`${origin}/json?from=10&wait=25`), {
      method: 'GET',
      headers: {},
      redirect: 'manual',
      signal,
    });
  const gone = new AbortController();
  const first = ask(gone.signal);
  first.catch(() => undefined);
  await until(() => server.openStreams === 1);
  gone.abort();
  await until(() => server.openStreams === 0);
  const second = ask(new AbortController().signal);
  await until(() => server.openStreams === 1);
  await append(chain);
  const { status, body } = await second;
  t.is(status, 200);
  t.deepEqual(await heights(new Response(body)), [10]);
});
