import test, { type ExecutionContext } from 'ava';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { jsonRangeTransport } from '../../plugins/transport-json-range/index.js';
import {
  type Chain,
  createSyncEngine,
  type PeerEvent,
  type SyncEngineConfig,
  type SyncEvent,
} from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { listen } from '../helpers/servers.js';
import { until } from '../helpers/waiting.js';
import { blocksOn, bytesOf, Follower, refAt, sourceChain } from './follow-support.js';

const memory = { use: 'memory' } as const;
const quick = { baseDelayMs: 5, maxDelayMs: 20, maxAttempts: 10 };

type Handler = (request: IncomingMessage, response: ServerResponse, honest: RequestListener) => void;

interface TestPeer {
  readonly url: string;
  readonly requests: string[];
}

/** A peer of a chain whose answers may be bent. */
async function peerOf(t: ExecutionContext, source: Chain, bend: Handler | null = null): Promise<TestPeer> {
  const server = createSyncServer({ source });
  t.teardown(() => server.close());
  const honest = nodeListener(server, { path: '/sync' });
  const requests: string[] = [];
  const url = await listen(t, (request, response) => {
    requests.push(request.url ?? '');
    if (bend === null) honest(request, response);
    else bend(request, response, honest);
  });
  return { url, requests };
}

/** A chain with the same blocks as another. */
async function copyOf(t: ExecutionContext, source: Chain, upTo: number): Promise<Chain> {
  const chain = await sourceChain(t, 0);
  const documents: Uint8Array[] = [];
  for await (const frames of source.read({ from: 0, to: upTo }))
    documents.push(...frames.map((frame) => source.decode(frame).bytes));
  await chain.append(documents);
  return chain;
}

/** The status document of a peer with another head. */
function claiming(height: number): Handler {
  return (request, response, honest) => {
    if (request.url !== '/sync/status') {
      honest(request, response);
      return;
    }
    const head = { height, hash: 'f'.repeat(64) };
    const codecs = { stream: ['gzip'], json: ['gzip'], snapshot: [] };
    const status = {
      protocol: 1,
      chain: 'sealed-json',
      chainId: null,
      base: 0,
      head,
      finalized: null,
      codecs,
    };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(status));
  };
}

async function synced(
  t: ExecutionContext,
  config: Partial<SyncEngineConfig> & Pick<SyncEngineConfig, 'peers'>,
): Promise<{ readonly bytes: Buffer; readonly events: readonly SyncEvent[]; readonly failure: unknown }> {
  const engine = createSyncEngine({ storage: memory, retry: quick, ...config });
  const events: SyncEvent[] = [];
  engine.events.subscribe((event) => events.push(event));
  const failure: unknown = await engine.start().then(
    () => null,
    (error: unknown) => error,
  );
  const bytes = await bytesOf(engine.chain);
  await engine.close();
  t.is(engine.peers.length, config.peers.length);
  return { bytes, events, failure };
}

function dropped(events: readonly SyncEvent[]): readonly PeerEvent[] {
  return events.filter((event) => event.type === 'peer').filter(({ status }) => status === 'dropped');
}

function lost(events: readonly SyncEvent[]): readonly PeerEvent[] {
  return events.filter((event) => event.type === 'peer').filter(({ status }) => status === 'lost');
}

test('a peer that keeps claiming what it does not send is asked again three times, and then left for long', async (t) => {
  const source = await sourceChain(t, 30);
  const liar = await peerOf(t, source, claiming(1e12));
  const { events } = await synced(t, {
    peers: [liar.url, 'http://127.0.0.1:9'],
    headCheckMs: 60,
    mode: 'stream',
  });
  t.deepEqual(
    events.flatMap((event) =>
      event.type === 'peer' && event.peer === `${liar.url}/sync` && event.error !== null
        ? [`${event.status} ${event.error.code}`]
        : [],
    ),
    ['lost HEAD_UNPROVED', 'lost HEAD_UNPROVED', 'lost HEAD_UNPROVED', 'dropped PEER_INCONSISTENT'],
  );
});

test('a node is not done before it has what the peer with the newest head has', async (t) => {
  const source = await sourceChain(t, 60);
  const behind = await peerOf(t, await copyOf(t, source, 39));
  const ahead = await peerOf(t, source);
  const { bytes, failure } = await synced(t, { peers: [behind.url, ahead.url] });
  t.is(failure, null);
  t.true(bytes.equals(await bytesOf(source)));
});

test('a claim of a head that is not backed is named, and holds nothing up', async (t) => {
  const source = await sourceChain(t, 30);
  const liar = await peerOf(t, source, claiming(1e12));
  const honest = await peerOf(t, source);
  for (const peers of [
    [liar.url, honest.url],
    [honest.url, liar.url],
  ]) {
    const { bytes, events, failure } = await synced(t, { peers });
    t.is(failure, null);
    t.true(bytes.equals(await bytesOf(source)));
    t.deepEqual(
      lost(events).map(({ peer, error }) => [peer, error?.code]),
      [[`${liar.url}/sync`, 'HEAD_UNPROVED']],
    );
  }
});

test('while following, a claim is shown beside the live stream, which goes on', async (t) => {
  const source = await sourceChain(t, 30);
  const honest = await peerOf(t, source);
  const liar = await peerOf(t, source, claiming(1e12));
  const follower = new Follower(t, { peers: [honest.url, liar.url], headCheckMs: 50 });
  await follower.until(() => lost(follower.events).length === 1);
  t.is(lost(follower.events)[0]?.error?.code, 'HEAD_UNPROVED');
  await follower.until(() => follower.phases.includes('synced'));
  await source.append(blocksOn(await refAt(source, 29), 3, 'more'));
  await follower.reaches(source);
  t.is(honest.requests.filter((url) => url.startsWith('/sync/stream')).length, 1);
});

test('a node leaves a peer that keeps new blocks back for one that has them', async (t) => {
  const source = await sourceChain(t, 30);
  const stuck = await peerOf(t, await copyOf(t, source, 29));
  const live = await peerOf(t, source);
  const follower = new Follower(t, { peers: [stuck.url, live.url], headCheckMs: 50 });
  await follower.until(() => follower.engine.state.phase === 'synced');
  await source.append(blocksOn(await refAt(source, 29), 3, 'more'));
  await follower.reaches(source);
  const codes = follower.events.flatMap((event) => (event.type === 'retry' ? [event.error.code] : []));
  t.deepEqual(codes, ['PEER_BEHIND']);
  t.is(dropped(follower.events).length, 0);
});

test('a peer that hangs near the head costs the time until another one is asked, not a timeout', async (t) => {
  const source = await sourceChain(t, 30);
  const hanging = await peerOf(t, source, (request, response, honest) => {
    if (request.url === '/sync/status') honest(request, response);
  });
  const live = await peerOf(t, source);
  const { bytes, events, failure } = await synced(t, { peers: [hanging.url, live.url] });
  t.is(failure, null);
  t.true(bytes.equals(await bytesOf(source)));
  t.false(events.some(({ type }) => type === 'retry'));
});

/** Ten blocks, the newest of which says that it is an hour old. */
async function oldChain(t: ExecutionContext): Promise<Chain> {
  const source = await sourceChain(t, 9);
  const timestamp = Date.now() - 3_600_000;
  await source.append(blocksOn(await refAt(source, 8), 1, 'old', () => ({ timestamp })));
  return source;
}

test('a head that is too old is no head to be done at', async (t) => {
  const source = await oldChain(t);
  const { url } = await peerOf(t, source);
  const { bytes, failure } = await synced(t, { peers: [url], staleAfterMs: 60_000 });
  t.like(failure, { code: 'HEAD_STALE' });
  t.true(bytes.equals(await bytesOf(source)));
});

test('while following, an old head is an alarm until a new block ends it', async (t) => {
  const source = await oldChain(t);
  const { url } = await peerOf(t, source);
  const follower = new Follower(t, { peers: [url], staleAfterMs: 60_000, headCheckMs: 50 });
  await follower.until(() => follower.engine.state.stale);
  t.false(follower.phases.includes('synced'));
  const now = blocksOn(await refAt(source, 9), 1, 'now', () => ({ timestamp: Date.now() }));
  await source.append(now);
  await follower.until(() => follower.engine.state.phase === 'synced');
  t.deepEqual(
    follower.events.flatMap((event) => (event.type === 'stale' ? [event.stale] : [])),
    [true, false],
  );
});

test('a branch from another peer is taken when it is longer, not when it is as long', async (t) => {
  const source = await sourceChain(t, 20);
  const other = await copyOf(t, source, 17);
  await other.append(blocksOn(await refAt(other, 17), 2, 'other'));
  const first = await peerOf(t, source);
  const second = await peerOf(t, other);
  const follower = new Follower(t, { peers: [first.url, second.url], headCheckMs: 50 });
  await follower.until(() => follower.engine.state.phase === 'synced');
  const asked = second.requests.length;
  await until(() => second.requests.length >= asked + 3);
  t.is(follower.rollbacks.length, 0);
  await other.append(blocksOn(await refAt(other, 19), 2, 'other'));
  await follower.reaches(other);
  t.is(follower.rollbacks.length, 1);
});

test('the measured figures of each peer can be read', async (t) => {
  const source = await sourceChain(t, 200);
  const { url } = await peerOf(t, source);
  const follower = new Follower(t, { peers: [url, 'http://127.0.0.1:9'] });
  await follower.until(() => follower.engine.state.phase === 'synced');
  const [used, dead] = follower.engine.peers;
  t.true((used?.latencyMs ?? -1) > 0);
  t.is(used?.head?.height, 199);
  t.is(used?.dropped, null);
  t.is(dead?.latencyMs, null);
  t.true((dead?.failures ?? 0) > 0);
});

test('ranges come from all peers at once, and a false block is blamed on who sent it', async (t) => {
  const source = await sourceChain(t, 3000);
  const honest = await peerOf(t, source);
  const second = await peerOf(t, source);
  const liar = await peerOf(t, source, (request, response, serve) => {
    if (request.url?.startsWith('/sync/json') !== true) {
      serve(request, response);
      return;
    }
    const from = Number(new URL(request.url, 'http://localhost').searchParams.get('from'));
    response.setHeader('content-type', 'application/json');
    const forged = blocksOn({ height: from - 1, hash: 'a'.repeat(64) }, 1, 'forged');
    response.end(`[${Buffer.concat(forged).toString()}]`);
  });
  const { bytes, events, failure } = await synced(t, {
    mode: 'json',
    // Without that of tiles.
    plugins: [jsonRangeTransport()],
    peers: [honest.url, second.url, liar.url],
  });
  t.is(failure, null);
  t.true(bytes.equals(await bytesOf(source)));
  const ranges = ({ requests }: TestPeer): number =>
    requests.filter((url) => url.startsWith('/sync/json')).length;
  t.true(ranges(honest) > 0 && ranges(second) > 0 && ranges(liar) > 0);
  const blamed = events.flatMap((event) =>
    event.type === 'peer' && event.error !== null ? [event.peer] : [],
  );
  t.deepEqual([...new Set(blamed)], [`${liar.url}/sync`]);
});
