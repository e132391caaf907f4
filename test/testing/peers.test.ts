import test, { type ExecutionContext } from 'ava';
import {
  createSyncEngine,
  isSyncError,
  type SyncEngine,
  type SyncEngineConfig,
  type SyncEvent,
} from '../../src/index.js';
import {
  type FaultOptions,
  faultInjector,
  mockPeer,
  type MockPeer,
  type PeerFault,
  playCassette,
  recordCassette,
} from '../../src/testing/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { until } from '../helpers/waiting.js';

const documents = sealedChain(40);
const other = sealedChain(40, (height) => ({ other: height }));

async function peerOf(t: ExecutionContext, blocks: readonly Uint8Array[] = documents): Promise<MockPeer> {
  const peer = await mockPeer(blocks);
  t.teardown(() => peer.close());
  return peer;
}

interface Outcome {
  readonly engine: SyncEngine;
  readonly code: string | null;
  readonly head: number | null;
  /** Codes of what peers were found to have done. */
  readonly blamed: readonly string[];
}

/** Syncs once. */
async function synced(
  t: ExecutionContext,
  peers: SyncEngineConfig['peers'],
  more: Partial<SyncEngineConfig> = {},
): Promise<Outcome> {
  const engine = createSyncEngine({
    peers,
    storage: { use: 'memory' },
    retry: { maxAttempts: 20, baseDelayMs: 1 },
    ...more,
  });
  t.teardown(() => engine.close());
  const events: SyncEvent[] = [];
  engine.events.subscribe((event) => events.push(event));
  const error = await engine.start().then(
    () => null,
    (reason: unknown) => reason,
  );
  const blamed = events.flatMap((event) =>
    event.type === 'peer' && event.error !== null ? [event.error.code] : [],
  );
  const head = engine.chain?.tip().head?.height ?? null;
  return { engine, code: isSyncError(error) ? error.code : null, head, blamed };
}

test('a node syncs from a mock peer, and follows what is appended to it and rolled back', async (t) => {
  const peer = await peerOf(t, documents.slice(0, 30));
  const once = await synced(t, [peer.url]);
  t.deepEqual([once.code, once.head], [null, 29]);
  t.true(peer.requests.includes('GET /sync/status'));
  const engine = createSyncEngine({ peers: [peer.url], storage: { use: 'memory' }, follow: true });
  t.teardown(() => engine.close());
  const done = engine.start().catch(() => undefined);
  const head = (): string | undefined => engine.chain?.tip().head?.hash;
  await until(() => head() === peer.chain.tip().head?.hash);
  await peer.chain.append(documents.slice(30));
  await until(() => head() === peer.chain.tip().head?.hash);
  t.is(engine.chain?.tip().head?.height, 39);
  await engine.close();
  await done;
});

interface Row {
  readonly title: string;
  readonly fault: PeerFault;
  readonly options?: FaultOptions;
  readonly limits?: NonNullable<SyncEngineConfig['limits']>;
  /** What a node that has this peer alone ends with; `null` where it has all blocks on a further try. */
  readonly code: string | null;
  /** What it says of the peer. */
  readonly blamed: readonly string[];
}

const BLOCKS = /\/(stream|json)/;

const ROWS: readonly Row[] = [
  {
    title: 'breaks off',
    fault: { kind: 'truncate', bytes: 1_000 },
    options: { on: BLOCKS, times: 1 },
    code: null,
    blamed: ['STREAM_TRUNCATED'],
  },
  {
    title: 'falls silent',
    fault: { kind: 'stall', bytes: 1_000 },
    options: { on: BLOCKS, times: 1 },
    limits: { idleTimeoutMs: 1_000 },
    code: null,
    blamed: ['STREAM_IDLE'],
  },
  {
    title: 'is corrupted',
    fault: { kind: 'corrupt', byte: 1_000 },
    options: { on: BLOCKS },
    code: 'HASH_MISMATCH',
    blamed: ['HASH_MISMATCH'],
  },
  {
    title: 'is a lie',
    fault: {
      kind: 'lie',
      change: ({ body }) => ({
        body: Buffer.from(Buffer.from(body).toString().replace('"base":0', '"base":-1')),
      }),
    },
    options: { on: /\/status/ },
    code: 'PROTOCOL_VIOLATION',
    blamed: ['PROTOCOL_VIOLATION'],
  },
  {
    title: 'is that it is busy',
    fault: { kind: 'lie', change: () => ({ status: 503, headers: { 'retry-after': '0' } }) },
    options: { on: /\/status/, times: 1 },
    code: null,
    blamed: ['PEER_BUSY'],
  },
];

for (const { title, fault, options, limits, code, blamed } of ROWS)
  test(`where what a peer sends ${title}, a node says so, and goes on where it can`, async (t) => {
    const peer = await peerOf(t);
    peer.inject(fault, options);
    const found = await synced(t, [peer.url], limits === undefined ? {} : { limits });
    t.is(found.code, code);
    if (code === null) t.is(found.head, 39);
    t.deepEqual([...new Set(found.blamed)], blamed);
    peer.clear();
    const after = await synced(t, [peer.url]);
    t.deepEqual([after.code, after.head, after.blamed], [null, 39, []], 'nothing goes wrong any more');
  });

test('a peer whose requests go to another branch in between has its node take what is proved only', async (t) => {
  const [peer, branch] = [await peerOf(t), await peerOf(t, other)];
  peer.inject({ kind: 'fork', origin: new URL(branch.url).origin }, { on: /\/(stream|json)/ });
  const found = await synced(t, [peer.url], {
    chainId: peer.chain.chainId() ?? '',
  });
  t.not(found.code, null);
  t.is(found.head, null);
  t.true(branch.requests.length > 0);
});

test('a line of its own before any server holds back as it is told to, for so many requests', async (t) => {
  const peer = await peerOf(t);
  const line = await faultInjector(peer.url);
  t.teardown(() => line.close());
  line.inject({ kind: 'truncate', bytes: 0 }, { times: 2, on: /status/ });
  await t.throwsAsync(fetch(`${line.url}/status`).then((response) => response.text()));
  t.is((await fetch(`${line.url}/health`)).status, 200);
  await t.throwsAsync(fetch(`${line.url}/status`).then((response) => response.text()));
  t.is((await fetch(`${line.url}/status`)).status, 200);
  t.deepEqual(line.requests.length, 4);
  await line.close();
  await t.throwsAsync(fetch(`${line.url}/status`));
});

test('a sync that was recorded is repeated without the peer, and the record has no secrets in it', async (t) => {
  const peer = await peerOf(t);
  peer.inject(
    {
      kind: 'lie',
      change: () => ({
        headers: { 'set-cookie': 'session=cookie-secret', 'www-authenticate': 'Bearer realm-secret' },
      }),
    },
    { on: /status/ },
  );
  const recorder = recordCassette();
  const live = await synced(t, [{ url: peer.url, headers: { authorization: 'Bearer header-secret' } }], {
    fetch: recorder.fetch,
  });
  t.deepEqual([live.code, live.head], [null, 39]);
  await peer.close();
  const text = recorder.text();
  t.false(/secret|authorization|cookie/i.test(text));
  t.regex(text, /^\{"cassette":1\}\n\{"method":"GET","target":"\/sync\/status"/);
  const again = await synced(t, [peer.url], { fetch: playCassette(text) });
  t.deepEqual([again.code, again.head], [null, 39]);
  t.is(again.engine.chain?.tip().head?.hash, live.engine.chain?.tip().head?.hash);
  const elsewhere = await synced(t, [`${peer.url}/elsewhere`], {
    fetch: playCassette(text),
    retry: { maxAttempts: 1 },
  });
  t.is(elsewhere.code, 'PEER_UNREACHABLE');
  t.throws(() => playCassette('{}'), { instanceOf: TypeError });
});
