import test, { type ExecutionContext } from 'ava';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import {
  type BlockRef,
  type Chain,
  createSyncEngine,
  type DisagreementEvent,
  type SyncEngineConfig,
  type UnconfirmedEvent,
} from '../../src/index.js';
import { MemoryStorage } from '../../plugins/storage-memory/memory-storage.js';
import { PLUGIN_API_VERSION, type StoragePlugin } from '../../src/contracts/index.js';
import { buildSnapshot } from '../../plugins/transport-snapshot/server/build.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { tempDir } from '../helpers/temp-dir.js';
import { nodeSigner, testWorkers } from '../plugins/snapshot-server-support.js';
import { listen } from '../helpers/servers.js';
import { until } from '../helpers/waiting.js';
import { blocksOn, bytesOf, Follower, fork, refAt, sourceChain } from './follow-support.js';

const QUICK = { confirmTimeoutMs: 300, headCheckMs: 100 };

type Bend = (request: IncomingMessage, response: ServerResponse, honest: RequestListener) => void;

interface TestPeer {
  readonly url: string;
  readonly chain: Chain;
  readonly requests: string[];
}

/** A peer of a chain whose answers may be bent. */
async function peerOf(t: ExecutionContext, chain: Chain, bend: Bend | null = null): Promise<TestPeer> {
  const server = createSyncServer({ source: chain });
  t.teardown(() => server.close());
  const honest = nodeListener(server, { path: '/sync' });
  const requests: string[] = [];
  const url = await listen(t, (request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    if (bend === null) honest(request, response);
    else bend(request, response, honest);
  });
  return { url, chain, requests };
}

/** A chain with the same blocks as another, up to a height. */
async function copyOf(t: ExecutionContext, source: Chain, upTo: number): Promise<Chain> {
  const chain = await sourceChain(t, 0);
  await chain.append(await documentsOf(source, 0, upTo));
  return chain;
}

async function documentsOf(source: Chain, from: number, to?: number): Promise<readonly Uint8Array[]> {
  const documents: Uint8Array[] = [];
  const range = { from, to: to ?? heightOf(source.tip().head) };
  for await (const frames of source.read(range))
    documents.push(...frames.map((frame) => source.decode(frame).bytes));
  return documents;
}

/** Three peers of one chain of so many blocks, each with its own copy. */
async function threePeers(
  t: ExecutionContext,
  count: number,
): Promise<readonly [TestPeer, TestPeer, TestPeer]> {
  const source = await sourceChain(t, count);
  const copies = [await copyOf(t, source, count - 1), await copyOf(t, source, count - 1)] as const;
  return [await peerOf(t, source), await peerOf(t, copies[0]), await peerOf(t, copies[1])];
}

function heightOf(ref: BlockRef | null | undefined): number {
  return ref?.height ?? -1;
}

function confirmedHeight(follower: Follower): number {
  return heightOf(follower.engine.chain?.tip().confirmed);
}

function disagreements({ events }: Follower): readonly DisagreementEvent[] {
  return events.filter((event) => event.type === 'disagreement');
}

function unconfirmed({ events }: Follower): readonly UnconfirmedEvent[] {
  return events.filter((event) => event.type === 'unconfirmed');
}

async function outcome(config: Partial<SyncEngineConfig> & Pick<SyncEngineConfig, 'peers'>): Promise<{
  readonly bytes: Buffer;
  readonly failure: unknown;
  readonly confirmed: number;
  readonly told: number;
}> {
  const retry = { baseDelayMs: 5, maxDelayMs: 20, maxAttempts: 10 };
  const engine = createSyncEngine({ storage: { use: 'memory' }, retry, ...QUICK, ...config });
  let told = 0;
  engine.events.subscribe(({ type }) => (told += type === 'block' ? 1 : 0));
  const failure: unknown = await engine.start().then(
    () => null,
    (error: unknown) => error,
  );
  const bytes = await bytesOf(engine.chain);
  const confirmed = heightOf(engine.chain?.tip().confirmed);
  await engine.close();
  return { bytes, failure, confirmed, told };
}

/** The status of an honest peer, the blocks of another chain. */
function borrowing(honest: Chain): Bend {
  const server = createSyncServer({ source: honest });
  const other = nodeListener(server, { path: '/sync' });
  return (request, response, own) => {
    (request.url === '/sync/status' ? other : own)(request, response);
  };
}

for (const [what, evil] of [
  ['a longer branch', { from: 9, count: 60 }],
  ['a branch of equal length', { from: 19, count: 20 }],
] as const)
  test(`a peer that repeats the honest status and serves ${what} is left, and nothing of it is told`, async (t) => {
    const [one, two] = await threePeers(t, 40);
    const forged = await copyOf(t, one.chain, evil.from);
    await forged.append(blocksOn(await refAt(forged, evil.from), evil.count, 'forged'));
    const liar = await peerOf(t, forged, borrowing(one.chain));
    const { bytes, failure, confirmed, told } = await outcome({
      peers: [liar.url, one.url, two.url],
      agree: 2,
    });
    t.is(failure, null);
    t.true(bytes.equals(await bytesOf(one.chain)));
    t.is(confirmed, 39);
    t.is(told, 40);
    const follower = new Follower(t, { peers: [liar.url, one.url, two.url], agree: 2, ...QUICK });
    await follower.until(() => follower.engine.state.phase === 'synced');
    t.is(follower.engine.chain?.tip().head?.hash, one.chain.tip().head?.hash);
    t.is(follower.rollbacks.length, 0);
    t.is(follower.view().length, 40);
  });

test('where too few peers are on one chain, what they have in common is confirmed, and the sync fails', async (t) => {
  const [one] = await threePeers(t, 30);
  const other = await copyOf(t, one.chain, 9);
  await other.append(blocksOn(await refAt(other, 9), 10, 'other'));
  const two = await peerOf(t, other);
  const config = { peers: [one.url, two.url], agree: 2 };
  const retry = { baseDelayMs: 5, maxDelayMs: 20, maxAttempts: 1 };
  let got = await outcome({ ...config, retry, confirmTimeoutMs: 1_000 });
  // A machine that is too busy to get to where the two part gets more time.
  for (const confirmTimeoutMs of [8_000, 64_000])
    if (got.confirmed < 9) got = await outcome({ ...config, retry, confirmTimeoutMs });
  const { failure, confirmed, told } = got;
  t.like(failure, { code: 'HEADS_DISAGREE' });
  t.is(confirmed, 9);
  t.is(told, 10);
});

test('a live block is told and handed on once as many peers have it, not before', async (t) => {
  const [one, two, three] = await threePeers(t, 10);
  const follower = new Follower(t, { peers: [one.url, two.url, three.url], agree: 2, ...QUICK });
  await follower.until(() => follower.engine.state.phase === 'synced');
  const more = blocksOn(await refAt(one.chain, 9), 1, 'more');
  await one.chain.append(more);
  await follower.reaches(one.chain);
  t.is(confirmedHeight(follower), 9);
  t.is(follower.view().length, 10);
  await two.chain.append(more);
  await follower.until(() => confirmedHeight(follower) === 10);
  t.is(follower.view().length, 11);
  t.true(
    one.requests.some((line) => /^HEAD \/sync\/json\?from=11&to=11&parent_hash=[0-9a-f]{64}$/.test(line)),
  );
});

test('nothing above the confirmed block becomes final, and `finality` is given the confirmed one', async (t) => {
  const [one, two] = await threePeers(t, 10);
  const given: number[] = [];
  const follower = new Follower(t, {
    peers: [one.url, two.url],
    agree: 2,
    ...QUICK,
    finality: ({ height }) => {
      given.push(height);
      return height;
    },
  });
  await follower.until(() => follower.engine.state.phase === 'synced');
  const more = blocksOn(await refAt(one.chain, 9), 5, 'more');
  await one.chain.append(more);
  await follower.reaches(one.chain);
  t.is(heightOf(follower.engine.chain?.tip().finalized), 9);
  t.deepEqual([...new Set(given)], [9]);
  await two.chain.append(more);
  await follower.until(() => heightOf(follower.engine.chain?.tip().finalized) === 14);
});

test('while too few peers can be asked, the phase is `waiting`, and an event names who is missing and why', async (t) => {
  const [one, two] = await threePeers(t, 10);
  const dead = 'http://127.0.0.1:9';
  const follower = new Follower(t, { peers: [one.url, dead], agree: 2, ...QUICK, confirmTimeoutMs: 3000 });
  await follower.until(() => unconfirmed(follower).some(({ head }) => head.height === 9));
  await follower.until(() => follower.engine.state.phase === 'waiting');
  const event = unconfirmed(follower).find(({ head }) => head.height === 9);
  t.like(event, { agree: 2, confirmed: null });
  t.deepEqual(
    event?.missing.map(({ peer, error }) => [peer, error.code]),
    [[`${dead}/sync`, 'PEER_UNREACHABLE']],
  );
  t.is(follower.view().length, 0);
  t.false(follower.phases.includes('synced'));
  t.is(two.requests.length, 0);
});

test('two nodes that need each other do not wait for each other: what was verified is served', async (t) => {
  const [one] = await threePeers(t, 10);
  const first = new Follower(t, { peers: [one.url, 'http://127.0.0.1:9'], agree: 2, ...QUICK });
  const node = await peerOf(t, await first.engine.opened());
  const second = new Follower(t, { peers: [node.url, one.url], agree: 2, ...QUICK });
  await second.until(() => second.engine.state.phase === 'synced');
  t.is(confirmedHeight(second), 9);
  t.is(confirmedHeight(first), -1);
});

test('a handler gets blocks up to the confirmed one, and is told of no rollback of blocks that it never had', async (t) => {
  const [one, two, three] = await threePeers(t, 10);
  const engine = createSyncEngine({
    peers: [one.url, two.url, three.url],
    storage: { use: 'memory' },
    agree: 2,
    follow: true,
    ...QUICK,
  });
  t.teardown(() => engine.close());
  const heights: number[] = [];
  const rolledBack: BlockRef[] = [];
  void engine
    .run(
      ({ height }) => {
        heights.push(height);
      },
      { onRollback: (dropped) => void rolledBack.push(...dropped) },
    )
    .catch(() => undefined);
  await until(() => heights.length === 10);
  await one.chain.append(blocksOn(await refAt(one.chain, 9), 2, 'lone'));
  await until(() => engine.chain?.tip().head?.height === 11);
  const agreed = blocksOn(await refAt(two.chain, 9), 4, 'agreed');
  await two.chain.append(agreed);
  await three.chain.append(agreed);
  await until(() => heights.length === 14);
  t.deepEqual(
    heights,
    Array.from({ length: 14 }, (_each, at) => at),
  );
  t.is(rolledBack.length, 0);
  t.is(engine.chain?.tip().head?.hash, two.chain.tip().head?.hash);
});

test('a confirmed block is rolled back for a branch that as many peers confirm, not for a longer one of a single peer', async (t) => {
  const [one, two, three] = await threePeers(t, 20);
  const follower = new Follower(t, { peers: [one.url, two.url, three.url], agree: 2, ...QUICK });
  await follower.until(() => follower.engine.state.phase === 'synced');
  const { head } = one.chain.tip();
  await fork(one.chain, 14, 30, 'lone');
  await follower.until(() => disagreements(follower).length > 0);
  t.is(confirmedHeight(follower), 19);
  t.is(follower.engine.chain?.tip().head?.hash, head?.hash);
  const branch = blocksOn(await refAt(two.chain, 14), 8, 'agreed');
  for (const { chain } of [two, three]) {
    await chain.rollback(await refAt(chain, 14));
    await chain.append(branch);
  }
  await follower.until(() => confirmedHeight(follower) === 22);
  t.is(follower.engine.chain?.tip().head?.hash, two.chain.tip().head?.hash);
  t.is(follower.view().at(-1)?.hash, two.chain.tip().head?.hash);
  t.is(follower.rollbacks.length, 1);
});

test('how far it was confirmed is kept over a restart, and goes on from there', async (t) => {
  const [one, two] = await threePeers(t, 10);
  await one.chain.append(blocksOn(await refAt(one.chain, 9), 3, 'more'));
  const store = new MemoryStorage();
  const storage: StoragePlugin = {
    kind: 'storage',
    name: 'memory',
    apiVersion: PLUGIN_API_VERSION,
    create: () => store,
  };
  const config = { peers: [one.url, two.url], storage, agree: 2, ...QUICK };
  const first = new Follower(t, config);
  await first.until(() => confirmedHeight(first) === 9);
  await first.reaches(one.chain);
  await first.engine.close();
  const second = new Follower(t, config);
  await second.until(() => second.engine.chain !== null);
  t.is(confirmedHeight(second), 9);
  await two.chain.append(blocksOn(await refAt(two.chain, 9), 3, 'more'));
  await second.until(() => confirmedHeight(second) === 12);
  t.deepEqual(
    second.view().map(({ height }) => height),
    [10, 11, 12],
  );
});

test('no more than 4,096 blocks are taken above the confirmed one', async (t) => {
  const [one] = await threePeers(t, 5_000);
  const two = await peerOf(t, await copyOf(t, one.chain, 0));
  const follower = new Follower(t, { peers: [one.url, two.url], agree: 2, ...QUICK });
  await follower.until(() => heightOf(follower.engine.chain?.tip().head) > 3_000);
  await follower.until(() => disagreements(follower).length === 0 && confirmedHeight(follower) === 0);
  await new Promise((resolve) => setTimeout(resolve, 500));
  t.true(heightOf(follower.engine.chain?.tip().head) <= 4_096);
});

test('peers on other branches are told of with one peer that has to agree, for branches of equal length too', async (t) => {
  const [one] = await threePeers(t, 20);
  const other = await copyOf(t, one.chain, 17);
  await other.append(blocksOn(await refAt(other, 17), 2, 'other'));
  const two = await peerOf(t, other);
  const follower = new Follower(t, { peers: [one.url, two.url], headCheckMs: 50 });
  const whole = (): DisagreementEvent | undefined =>
    disagreements(follower).find(({ ours, same }) => ours.height === 19 && same.length > 0);
  await follower.until(() => whole() !== undefined);
  t.like(whole(), {
    ours: { height: 19 },
    same: [`${one.url}/sync`],
    others: [{ peer: `${two.url}/sync`, block: { height: 19 }, common: { height: 17 } }],
  });
});

test('no snapshot is made while the newest block is not confirmed', async (t) => {
  const [one, two] = await threePeers(t, 10);
  const follower = new Follower(t, { peers: [one.url, two.url], agree: 2, ...QUICK });
  await follower.until(() => follower.engine.state.phase === 'synced');
  const more = blocksOn(await refAt(one.chain, 9), 1, 'more');
  await one.chain.append(more);
  await follower.reaches(one.chain);
  const source = await follower.engine.opened();
  const workers = testWorkers();
  t.teardown(() => workers.close());
  const order = { source, workers, signer: nodeSigner(), type: 'recent', codec: 'gzip' } as const;
  const make = (): Promise<unknown> => buildSnapshot(order, { directory: tempDir(t), sequence: 1 });
  await t.throwsAsync(make, { code: 'SNAPSHOT_UNAVAILABLE' });
  await two.chain.append(more);
  await follower.until(() => confirmedHeight(follower) === 10);
  await t.notThrowsAsync(make);
});

test('a server that is behind, at the address of one that is not, confirms no block that it does not have', async (t) => {
  const source = await sourceChain(t, 13);
  const late = await copyOf(t, source, 9);
  const forged = await copyOf(t, source, 9);
  await forged.append(blocksOn(await refAt(forged, 9), 5, 'forged'));
  const behind = createSyncServer({ source: late });
  t.teardown(() => behind.close());
  const ranges = nodeListener(behind, { path: '/sync' });
  const replicas = await peerOf(t, source, (request, response, ahead) => {
    (request.url === '/sync/status' ? ahead : ranges)(request, response);
  });
  const liar = await peerOf(t, forged);
  const follower = new Follower(t, { peers: [liar.url, replicas.url], agree: 2, ...QUICK });
  const asked = (): number => replicas.requests.filter((line) => line.startsWith('HEAD /sync/json')).length;
  // Nothing happens here that a subscriber would be told of.
  await until(() => heightOf(follower.engine.chain?.tip().head) >= 10 && asked() > 3);
  t.true(confirmedHeight(follower) <= 9);
  t.true(follower.view().length <= 10);
  await late.append(await documentsOf(source, 10));
  await liar.chain.rollback(await refAt(source, 9));
  await liar.chain.append(await documentsOf(source, 10));
  await follower.until(() => confirmedHeight(follower) === 12);
  t.is(follower.view().at(-1)?.hash, source.tip().head?.hash);
  t.is(follower.rollbacks.length, 0);
});

test('what several peers have confirmed is not dropped on the word of one whose rollbacks are trusted; what they have not, is', async (t) => {
  const [one, two] = await threePeers(t, 20);
  const writer = { url: one.url, rollbacks: 'trusted' } as const;
  const follower = new Follower(t, { peers: [writer, two.url], agree: 2, ...QUICK });
  const headHeight = (): number => heightOf(follower.engine.chain?.tip().head);
  await follower.until(() => follower.engine.state.phase === 'synced');
  await one.chain.append(blocksOn(await refAt(one.chain, 19), 5, 'open'));
  await follower.until(() => headHeight() === 24);
  await fork(one.chain, 21, 0, 'none');
  await follower.until(() => headHeight() === 21);
  t.is(confirmedHeight(follower), 19);
  await fork(one.chain, 10, 3, 'short');
  await follower.until(() => follower.events.some(({ type }) => type === 'rollback-held'));
  t.is(confirmedHeight(follower), 19);
  t.true(headHeight() >= 19);
  await fork(two.chain, 10, 3, 'short');
  await follower.until(() => confirmedHeight(follower) === 13);
  t.is(follower.engine.chain?.tip().head?.hash, one.chain.tip().head?.hash);
});

test('a peer that confirms a branch and holds it back is left for the next one that has it', async (t) => {
  const [one, two] = await threePeers(t, 15);
  const branch = blocksOn(await refAt(two.chain, 14), 6, 'agreed');
  await one.chain.append(blocksOn(await refAt(one.chain, 14), 6, 'held'));
  await two.chain.append(branch);
  const agreed = await copyOf(t, two.chain, 20);
  const held = createSyncServer({ source: one.chain });
  t.teardown(() => held.close());
  const old = nodeListener(held, { path: '/sync' });
  const holder = await peerOf(t, agreed, (request, response, own) => {
    const isSending = request.method === 'GET' && request.url !== '/sync/status';
    (isSending ? old : own)(request, response);
  });
  const follower = new Follower(t, { peers: [holder.url, two.url], agree: 2, ...QUICK });
  await follower.until(() => confirmedHeight(follower) === 20);
  t.is(follower.engine.chain?.tip().head?.hash, two.chain.tip().head?.hash);
  t.true(two.requests.some((line) => line.startsWith('GET /sync/stream')));
});
