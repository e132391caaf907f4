import { createServer as createHttp2Server } from 'node:http2';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { http2Fetch } from '../../src/http2-client/index.js';
import type { Chain } from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { listen } from '../helpers/servers.js';
import { until } from '../helpers/waiting.js';
import { blocksOn, Follower, refAt, sourceChain } from './follow-support.js';

/** The shortest lease that a client renews in time. */
const LEASE_MS = 3_000;

/** What was asked of the streams' path. */
class Asked {
  readonly streams: URLSearchParams[] = [];
  readonly renewals: string[] = [];

  note({ method, url = '/' }: Pick<IncomingMessage, 'method' | 'url'>): 'stream' | 'renewal' | null {
    const { pathname, searchParams } = new URL(url, 'http://localhost');
    if (!pathname.endsWith('/stream')) return null;
    if (method === 'GET') this.streams.push(searchParams);
    else this.renewals.push(searchParams.get('client') ?? '');
    return method === 'GET' ? 'stream' : 'renewal';
  }
}

function serverOf(t: ExecutionContext, source: Chain, streamLeaseMs = LEASE_MS): RequestListener {
  const server = createSyncServer({ source, limits: { streamLeaseMs } });
  t.teardown(() => server.close());
  return nodeListener(server);
}

/** Adds blocks until something holds, and waits for the follower to have them. */
async function growUntil(chain: Chain, follower: Follower, holds: () => boolean): Promise<void> {
  while (!holds()) {
    const head = chain.tip().head?.height ?? 0;
    await chain.append(blocksOn(await refAt(chain, head), 1, 'more'));
    await follower.reaches(chain);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const quiet = (follower: Follower): readonly string[] =>
  follower.events.flatMap((event) => (event.type === 'retry' || event.type === 'phase' ? [event.type] : []));

test('a node that follows keeps one stream by renewing its name, and stops when it is closed', async (t) => {
  const chain = await sourceChain(t, 5);
  const asked = new Asked();
  const handle = serverOf(t, chain);
  const origin = await listen(t, (request, response) => {
    asked.note(request);
    handle(request, response);
  });
  const follower = new Follower(t, { peers: [`${origin}/sync`], mode: 'stream' });
  await follower.reaches(chain);
  await until(() => asked.renewals.length >= 8);
  t.is(asked.streams.length, 1);
  const [stream] = asked.streams;
  t.regex(stream?.get('client') ?? '', /^[\w-]{22}$/);
  t.deepEqual([...new Set(asked.renewals)], [stream?.get('client')]);
  await follower.engine.close();
  const { length } = asked.renewals;
  await new Promise((resolve) => setTimeout(resolve, LEASE_MS / 2));
  t.is(asked.renewals.length, length);
  t.false(JSON.stringify(follower.events).includes(stream?.get('client') ?? 'none'));
});

test('names are renewed over HTTP/2 in the session that has the stream', async (t) => {
  const chain = await sourceChain(t, 5);
  const asked = new Asked();
  const handle = serverOf(t, chain);
  let sessions = 0;
  const http2 = createHttp2Server((request, response) => {
    asked.note(request);
    handle(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  });
  http2.on('session', () => (sessions += 1));
  await new Promise<void>((resolve) => http2.listen(0, '127.0.0.1', resolve));
  const client = http2Fetch();
  t.teardown(async () => {
    await client.close();
    http2.close();
  });
  const origin = `http://127.0.0.1:${(http2.address() as AddressInfo).port}`;
  const follower = new Follower(t, { peers: [`${origin}/sync`], mode: 'stream', fetch: client });
  await follower.reaches(chain);
  await until(() => asked.renewals.length >= 5);
  t.is(asked.streams.length, 1);
  t.is(sessions, 1);
});

test('where renewals get to another instance, a node resumes once without a loss or a word, and names its stream no more', async (t) => {
  const chain = await sourceChain(t, 5);
  const asked = new Asked();
  const [one, other] = [serverOf(t, chain), serverOf(t, chain)];
  const origin = await listen(t, (request, response) => {
    (asked.note(request) === 'renewal' ? other : one)(request, response);
  });
  const follower = new Follower(t, { peers: [`${origin}/sync`], mode: 'stream' });
  await until(() => follower.engine.state.phase === 'synced');
  follower.events.length = 0;
  await growUntil(chain, follower, () => asked.streams.length >= 2);
  t.deepEqual(quiet(follower), []);
  t.is(follower.engine.state.phase, 'synced');
  t.is(asked.renewals.length, 2);
  t.deepEqual(
    asked.streams.map((query) => query.has('client')),
    [true, false],
  );
});

test('where some renewals arrive, the others do no harm', async (t) => {
  const chain = await sourceChain(t, 5);
  const asked = new Asked();
  // One renewal in two arrives: a busy machine may be late with that by a third of the lease.
  const lease = 3 * LEASE_MS;
  const [one, other] = [serverOf(t, chain, lease), serverOf(t, chain, lease)];
  const origin = await listen(t, (request, response) => {
    const isOther = asked.note(request) === 'renewal' && asked.renewals.length % 2 === 0;
    (isOther ? other : one)(request, response);
  });
  const follower = new Follower(t, { peers: [`${origin}/sync`], mode: 'stream' });
  await follower.reaches(chain);
  await until(() => asked.renewals.length >= 5);
  t.is(asked.streams.length, 1);
});

for (const [what, answer] of [
  ['refused', (response: ServerResponse) => response.writeHead(429).end()],
  ['answered by a broken proxy', (response: ServerResponse) => response.writeHead(502).end()],
  ['cut off', (response: ServerResponse) => response.destroy()],
] as const) {
  test(`renewals that are ${what} end no stream that flows; when its server does, it is asked for by its name again`, async (t) => {
    const chain = await sourceChain(t, 5);
    const asked = new Asked();
    const handle = serverOf(t, chain);
    const origin = await listen(t, (request, response) => {
      if (asked.note(request) === 'renewal') answer(response);
      else handle(request, response);
    });
    const follower = new Follower(t, { peers: [`${origin}/sync`], mode: 'stream' });
    await until(() => follower.engine.state.phase === 'synced');
    follower.events.length = 0;
    await growUntil(chain, follower, () => asked.streams.length >= 2);
    t.deepEqual(quiet(follower), []);
    t.true(asked.renewals.length >= 2);
    t.is(new Set(asked.streams.map((query) => query.get('client'))).size, 1);
  });
}
