import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  type Chain,
  createSyncEngine,
  openChain,
  type SyncEngine,
  type SyncEngineConfig,
  type SyncEvent,
  type Tile,
} from '../../src/index.js';
import { bulkyFirst } from '../helpers/chain-tiles.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { serveSource } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { type Files, filesOf, serveFiles } from '../helpers/tile-files.js';
import { until } from '../helpers/waiting.js';
import { blocksOn, bytesOf, Follower, refAt, serveChain, sourceChain } from './follow-support.js';

const retry = { maxAttempts: 4, baseDelayMs: 1, maxDelayMs: 5 };
const memory = { use: 'memory' } as const;

const levelAt = (location: string): SyncEngineConfig['storage'] => ({ use: 'leveldb', location });

/** A chain in a store on disk whose settled blocks are in tiles. */
async function tiledChain(t: ExecutionContext, documents: readonly Uint8Array[]): Promise<Chain> {
  const chain = await openChain({ storage: levelAt(join(tempDir(t), 'source')), chain: 'sealed-json' });
  t.teardown(() => chain.close());
  await chain.append(documents);
  return chain;
}

/** The tiles of a chain, once there are so many. */
async function tilesIn(chain: Chain | null, count: number): Promise<readonly Tile[]> {
  const all = async (): Promise<readonly Tile[]> =>
    (await chain?.tiles?.list({ from: 0, to: chain.tip().head?.height ?? 0 })) ?? [];
  await until(async () => (await all()).length >= count);
  return all();
}

async function bodyOf(chain: Chain | null, tile: Tile | undefined): Promise<Buffer> {
  return Buffer.from((tile === undefined ? null : await chain?.tiles?.body(tile)) ?? []);
}

interface Run {
  readonly engine: SyncEngine;
  readonly events: readonly SyncEvent[];
}

function engineOf(
  t: ExecutionContext,
  config: Partial<SyncEngineConfig> & Pick<SyncEngineConfig, 'peers'>,
): Run {
  const engine = createSyncEngine({ storage: memory, retry, ...config });
  t.teardown(() => engine.close());
  const events: SyncEvent[] = [];
  engine.events.subscribe((event) => events.push(event));
  return { engine, events };
}

const modesOf = ({ events }: Run): readonly string[] =>
  events.flatMap((event) => (event.type === 'mode' ? [event.mode] : []));
const blocksOf = ({ events }: Run): readonly (readonly [number, string])[] =>
  events.flatMap((event) => (event.type === 'block' ? [[event.header.height, event.origin] as const] : []));
const namedBy = ({ events }: Run): readonly (readonly [string, string | undefined])[] =>
  events.flatMap((event) =>
    event.type === 'peer' && event.status === 'dropped' ? [[event.peer, event.error?.code] as const] : [],
  );

for (const [mode, then] of [
  ['auto', 'stream'],
  ['json', 'json'],
] as const)
  test(`by ${mode} an empty node takes settled history in tiles and the rest by ${then}, and has the same tiles`, async (t) => {
    const documents = sealedChain(3_000);
    const source = await tiledChain(t, documents);
    const theirs = await tilesIn(source, 2);
    const url = await serveSource(t, source);
    const run = engineOf(t, { peers: [url], mode, storage: levelAt(join(tempDir(t), 'copy')) });
    await run.engine.start();
    const { chain } = run.engine;
    t.deepEqual(modesOf(run), ['tiles', then]);
    t.deepEqual(chain?.tip().head, source.tip().head);
    t.true((await bytesOf(chain)).equals(await bytesOf(source)));
    const blocks = blocksOf(run);
    t.deepEqual(
      blocks.map(([height]) => height),
      [...documents.keys()],
    );
    t.deepEqual(new Set(blocks.slice(0, 2_048).map(([, origin]) => origin)), new Set(['tiles']));
    t.deepEqual(new Set(blocks.slice(2_048).map(([, origin]) => origin)), new Set([then]));
    const ours = await tilesIn(chain, 2);
    t.deepEqual(ours, theirs);
    for (const [at, tile] of ours.entries()) {
      const [own, other] = [await bodyOf(chain, tile), await bodyOf(source, theirs[at])];
      t.true(own.length > 0 && own.equals(other));
    }
    t.like(run.engine.state, { phase: 'synced', progress: { height: 2_999, blocks: 3_000 } });
  });

test('a sync that was stopped inside a tile goes on from there, and asks for no block that is there', async (t) => {
  const source = await tiledChain(t, sealedChain(3_000));
  await tilesIn(source, 2);
  const url = await serveSource(t, source);
  const storage = levelAt(join(tempDir(t), 'copy'));
  const first = engineOf(t, { peers: [url], storage, to: 1_500 });
  await first.engine.start();
  t.is(first.engine.chain?.tip().head?.height, 1_500);
  t.deepEqual(modesOf(first), ['tiles']);
  await first.engine.close();
  const second = engineOf(t, { peers: [url], storage });
  await second.engine.start();
  t.is(blocksOf(second)[0]?.[0], 1_501);
  t.true((await bytesOf(second.engine.chain)).equals(await bytesOf(source)));
});

test('a handler gets each block of tiles once and in order, and a state is that of all blocks', async (t) => {
  const documents = sealedChain(1_200);
  const source = await tiledChain(t, documents);
  await tilesIn(source, 1);
  const url = await serveSource(t, source);
  const handed: number[] = [];
  const stateTransition: SyncEngineConfig['stateTransition'] = {
    apply: async ({ height }, { accounts }) => {
      const count = (await accounts.get('count')) ?? 0;
      accounts.put('count', Number(count) + 1);
      accounts.put('height', height);
    },
  };
  const run = engineOf(t, { peers: [url], stateTransition });
  await run.engine.run(({ height }) => {
    handed.push(height);
  });
  t.deepEqual(modesOf(run), ['tiles', 'stream']);
  t.deepEqual(handed, [...documents.keys()]);
  t.is(await run.engine.chain?.getState('accounts', 'count'), 1_200);
  t.is(await run.engine.chain?.getState('accounts', 'height'), 1_199);
});

/** Replaces a file. */
function replaced(files: Files, name: RegExp, change: (bytes: Uint8Array) => Uint8Array): Files {
  return new Map([...files].map(([path, bytes]) => [path, name.test(path) ? change(bytes) : bytes]));
}

test('a folder of files is enough for a whole chain, its newest blocks too', async (t) => {
  const source = await sourceChain(t, 0);
  await source.append(sealedChain(100, bulkyFirst));
  const files = await filesOf(t, source);
  const { url, requests } = await serveFiles(t, () => files);
  for (const mode of ['auto', 'json'] as const) {
    const run = engineOf(t, { peers: [url], mode });
    await run.engine.start();
    t.deepEqual(modesOf(run), ['tiles']);
    t.deepEqual(run.engine.chain?.tip().head, source.tip().head);
    t.true((await bytesOf(run.engine.chain)).equals(await bytesOf(source)));
    t.is(run.engine.state.phase, 'synced');
  }
  t.true(requests.some((path) => path.startsWith('tiles/tail-')));
});

test('the mode stream is refused by a folder of files, in words that say what to do', async (t) => {
  const source = await sourceChain(t, 0);
  await source.append(sealedChain(20, bulkyFirst));
  const files = await filesOf(t, source);
  const { url } = await serveFiles(t, () => files);
  const { engine } = engineOf(t, { peers: [url], mode: 'stream' });
  await t.throwsAsync(engine.start(), { code: 'PEER_REFUSED', message: /nothing but tiles.*auto and json/ });
});

test('a node that follows a folder of files takes what is put there, and is synced in between', async (t) => {
  const source = await sourceChain(t, 0);
  await source.append(sealedChain(50, bulkyFirst));
  let files = await filesOf(t, source);
  const { url } = await serveFiles(t, () => files);
  const follower = new Follower(t, { peers: [url], headCheckMs: 20 });
  await follower.until(() => follower.engine.state.phase === 'synced');
  await follower.reaches(source);
  for (const label of ['once', 'twice']) {
    await source.append(blocksOn(source.tip().head, 20, label));
    files = await filesOf(t, source);
    await follower.reaches(source);
    await follower.until(() => follower.engine.state.phase === 'synced');
  }
  t.is(follower.view().length, 90);
  t.false(follower.phases.includes('waiting'));
  await follower.engine.close();
  await t.notThrowsAsync(follower.started);
});

test('a folder of files that is ahead of the peer that is followed brings what that one does not have', async (t) => {
  const source = await sourceChain(t, 0);
  await source.append(sealedChain(50, bulkyFirst));
  const further = await sourceChain(t, 0);
  await further.append(sealedChain(50, bulkyFirst));
  let files = await filesOf(t, further);
  const folder = await serveFiles(t, () => files);
  const live = await serveSource(t, source);
  const follower = new Follower(t, { peers: [live, folder.url], headCheckMs: 50 });
  await follower.until(() => follower.engine.state.phase === 'synced');
  await further.append(blocksOn(further.tip().head, 5, 'further'));
  files = await filesOf(t, further);
  await follower.reaches(further);
  t.deepEqual(namedBy({ engine: follower.engine, events: follower.events }), []);
});

test('a folder of files that is behind is no reason to leave a peer for good that streams and was lost', async (t) => {
  const source = await sourceChain(t, 0);
  await source.append(sealedChain(50, bulkyFirst));
  const files = await filesOf(t, source);
  const folder = await serveFiles(t, () => files);
  const live = await serveChain(t, source);
  const follower = new Follower(t, { peers: [live.url, folder.url], headCheckMs: 50 });
  await follower.reaches(source);
  await source.append(blocksOn(source.tip().head, 5, 'live'));
  await follower.reaches(source);
  live.cut();
  const polls = folder.requests.length;
  await until(() => folder.requests.length >= polls + 4);
  live.mend();
  await source.append(blocksOn(source.tip().head, 5, 'later'));
  await follower.reaches(source);
  t.is(follower.engine.state.peer, `${live.url}/sync`);
});

test('of two peers the one that streams is followed, whichever brought the history', async (t) => {
  const source = await sourceChain(t, 0);
  await source.append(sealedChain(50, bulkyFirst));
  const files = await filesOf(t, source);
  const static_ = await serveFiles(t, () => files);
  const live = await serveSource(t, source);
  const follower = new Follower(t, { peers: [static_.url, live], headCheckMs: 60_000 });
  await follower.until(
    () => follower.engine.state.phase === 'synced' && follower.engine.state.mode === 'stream',
  );
  await source.append(blocksOn(source.tip().head, 3, 'live'));
  await follower.reaches(source);
  t.is(follower.engine.state.peer, `${live}/sync`);
});

for (const [lie, name, change] of [
  ['damaged', /tiles\/000\/0000000000000008/, (bytes: Uint8Array) => flipped(bytes)],
  ['cut short', /tiles\/000\/0000000000000008/, (bytes: Uint8Array) => bytes.subarray(0, bytes.length / 2)],
] as const)
  test(`a peer whose tile is ${lie} is named, and an honest one brings the rest`, async (t) => {
    const documents = sealedChain(100, bulkyFirst);
    const source = await sourceChain(t, 0);
    await source.append(documents);
    const bent = replaced(await filesOf(t, source), name, change);
    const liar = await serveFiles(t, () => bent);
    const run = engineOf(t, { peers: [liar.url, await serveSource(t, new MemorySource(documents))] });
    await run.engine.start();
    t.true((await bytesOf(run.engine.chain)).equals(await bytesOf(source)));
    t.deepEqual(modesOf(run), ['tiles', 'stream']);
    t.deepEqual(namedBy(run), [[`${liar.url}/sync`, 'CODEC_CORRUPT']]);
  });

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const middle = Math.floor(copy.length / 2);
  copy[middle] = (copy[middle] ?? 0) ^ 1;
  return copy;
}

test('a peer whose index names tiles of two branches is named, and nothing of the second is kept', async (t) => {
  const source = await sourceChain(t, 0);
  const documents = sealedChain(100, bulkyFirst);
  await source.append(documents);
  const other = await sourceChain(t, 0);
  await other.append(documents.slice(0, 20));
  await other.append(blocksOn(await refAt(other, 19), 80, 'other'));
  const [honest, strange] = [await filesOf(t, source), await filesOf(t, other)];
  const index = 'tiles/000/index.ndjson';
  const [lines, others] = [honest, strange].map((files) => String(files.get(index)).split('\n'));
  const mixed = [...(lines ?? []).slice(0, 6), ...(others ?? []).slice(6)].join('\n');
  const bent = new Map([...strange, ...honest, [index, Buffer.from(mixed)]]);
  const [liar, good] = [await serveFiles(t, () => bent), await serveFiles(t, () => honest)];
  const run = engineOf(t, { peers: [liar.url, good.url] });
  await run.engine.start();
  t.true((await bytesOf(run.engine.chain)).equals(await bytesOf(source)));
  t.deepEqual(namedBy(run), [[`${liar.url}/sync`, 'PARENT_MISMATCH']]);
});

test('a node on another branch than the tiles of its peer finds its way by the stream', async (t) => {
  const documents = sealedChain(3_000);
  const source = await tiledChain(t, documents);
  await tilesIn(source, 2);
  const url = await serveSource(t, source);
  const location = join(tempDir(t), 'copy');
  const copy = await openChain({ storage: levelAt(location), chain: 'sealed-json' });
  await copy.append(documents.slice(0, 1_020));
  await copy.append(blocksOn(await refAt(copy, 1_019), 4, 'ours'));
  await copy.close();
  const run = engineOf(t, { peers: [url], storage: levelAt(location) });
  await run.engine.start();
  t.true((await bytesOf(run.engine.chain)).equals(await bytesOf(source)));
  t.deepEqual(modesOf(run), ['tiles', 'stream']);
  t.deepEqual(namedBy(run), []);
});

test('with peers that have to agree, history in tiles is confirmed like any other', async (t) => {
  const source = await tiledChain(t, sealedChain(3_000));
  await tilesIn(source, 2);
  const peers = [await serveSource(t, source), await serveSource(t, source)];
  const run = engineOf(t, { peers, agree: 2 });
  await run.engine.start();
  t.deepEqual(run.engine.chain?.tip().confirmed, source.tip().head);
  t.is(blocksOf(run).length, 3_000);
  t.is(modesOf(run)[0], 'tiles');
});
