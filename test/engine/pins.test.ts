import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import { levelStorage } from '../../plugins/storage-leveldb/index.js';
import {
  type BlockRef,
  type Chain,
  createSyncEngine,
  isSyncError,
  openChain,
  type SyncEngineConfig,
  type SyncEvent,
} from '../../src/index.js';
import { run as cli } from '../cli/in-process.js';
import { listen } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { blocksOn, bytesOf, Follower, fork, refAt, serveChain, sourceChain } from './follow-support.js';

const memory = { use: 'memory' } as const;
const WRONG = 'f'.repeat(64);

/** A chain in memory of another first block, or of another block at a height. */
async function otherChain(t: ExecutionContext, count: number, from: Chain | null = null): Promise<Chain> {
  const chain = await openChain({ storage: memory, chain: 'sealed-json' });
  t.teardown(() => chain.close());
  const parent = from === null ? null : await refAt(from, 9);
  if (from !== null)
    for (let height = 0; height <= 9; height++)
      await chain.append([(await from.get(height))?.bytes ?? WRONG_BYTES]);
  await chain.append(blocksOn(parent, count - (parent === null ? 0 : 10), 'other'));
  return chain;
}

const WRONG_BYTES = new Uint8Array();

interface Outcome {
  readonly code: string | null;
  readonly head: BlockRef | null;
  readonly events: readonly SyncEvent[];
}

async function outcomeOf(config: SyncEngineConfig): Promise<Outcome> {
  const engine = createSyncEngine({ retry: { maxAttempts: 3, baseDelayMs: 1 }, ...config });
  const events: SyncEvent[] = [];
  engine.events.subscribe((event) => events.push(event));
  let code: string | null = null;
  try {
    await engine.start();
  } catch (error) {
    if (!isSyncError(error)) throw error;
    ({ code } = error);
  }
  const head = engine.chain?.tip().head ?? null;
  await engine.close();
  return { code, head, events };
}

const droppedBy = ({ events }: Outcome): readonly (string | undefined)[] =>
  events.flatMap((event) => (event.type === 'peer' && event.status === 'dropped' ? [event.error?.code] : []));

for (const mode of ['stream', 'json'] as const) {
  test(`a chain id that is a hash lets no other first block in, by ${mode}, and the next peer is asked`, async (t) => {
    const source = await sourceChain(t, 20);
    const { url } = await serveChain(t, source);
    // One that says it is the same chain and serves another.
    const other = await otherChain(t, 40);
    const liar = (await serveChain(t, other)).url;
    const chainId = (await refAt(source, 0)).hash;
    const lies = await relabelled(t, liar, chainId);
    const alone = await outcomeOf({ peers: [lies], chainId, mode, storage: memory });
    t.like(alone, { code: 'CHECKPOINT_MISMATCH', head: null });
    t.deepEqual(droppedBy(alone), ['CHECKPOINT_MISMATCH']);
    const both = await outcomeOf({ peers: [lies, url], chainId, mode, storage: memory });
    t.like(both, { code: null, head: source.tip().head });
  });

  test(`no block but the pinned one is taken at its height, by ${mode}; what is below stays`, async (t) => {
    const source = await sourceChain(t, 20);
    const { url } = await serveChain(t, source);
    const liar = (await serveChain(t, await otherChain(t, 40, source))).url;
    const checkpoints = [await refAt(source, 15)];
    const alone = await outcomeOf({ peers: [liar], checkpoints, mode, storage: memory });
    t.is(alone.code, 'CHECKPOINT_MISMATCH');
    t.true((alone.head?.height ?? -1) < 15);
    const both = await outcomeOf({ peers: [liar, url], checkpoints, mode, storage: memory });
    t.like(both, { code: null, head: source.tip().head });
    t.deepEqual(droppedBy(both), ['CHECKPOINT_MISMATCH']);
    const free = await outcomeOf({ peers: [liar], mode, storage: memory });
    t.is(free.head?.height, 39, 'without the checkpoint it is a chain like any other');
  });
}

/** Serves what another server does, but for the name of the chain in its status. */
async function relabelled(t: ExecutionContext, origin: string, chainId: string): Promise<string> {
  return listen(t, (request, response) => {
    const path = request.url ?? '/';
    const headers = { accept: request.headers.accept ?? '*/*' };
    const pass = async (): Promise<void> => {
      const answer = await fetch(new URL(path, origin), { headers });
      const type = answer.headers.get('content-type') ?? '';
      response.writeHead(answer.status, { 'content-type': type });
      if (path.startsWith('/sync/status'))
        return void response.end(JSON.stringify({ ...((await answer.json()) as object), chainId }));
      for await (const chunk of answer.body ?? []) response.write(chunk);
      response.end();
    };
    // The server may be gone before a stream is.
    pass().catch(() => response.destroy());
  });
}

test('the name that a peer gives a chain has to be the hash of its first block, if it is a hash', async (t) => {
  const source = await sourceChain(t, 5);
  const { url } = await serveChain(t, source);
  const lies = await relabelled(t, url, WRONG);
  t.like(await outcomeOf({ peers: [lies], storage: memory }), { code: 'CHECKPOINT_MISMATCH', head: null });
  const named = await relabelled(t, url, 'a name');
  t.like(await outcomeOf({ peers: [named], storage: memory }), { code: null, head: { height: 4 } });
});

test('a peer whose own name for the chain is a hash that its first block does not have is a liar, following too', async (t) => {
  const source = await sourceChain(t, 10);
  const { url } = await serveChain(t, source);
  const liar = await relabelled(t, (await serveChain(t, await otherChain(t, 20))).url, WRONG);
  const alone = await outcomeOf({ peers: [liar], storage: memory });
  t.is(alone.code, 'CHECKPOINT_MISMATCH');
  t.deepEqual(droppedBy(alone), ['CHECKPOINT_MISMATCH']);
  const follower = new Follower(t, { peers: [liar, url], headCheckMs: 50 });
  await follower.until(() => follower.engine.state.phase === 'synced');
  const dropped = follower.engine.peers.filter((peer) => peer.dropped !== null);
  t.deepEqual(
    dropped.map((peer) => [peer.url, peer.dropped?.code]),
    [[`${liar}/sync`, 'CHECKPOINT_MISMATCH']],
  );
  t.is(follower.engine.chain?.tip().head?.hash, (await refAt(source, 9)).hash);
});

test('a chain id that is a hash is that of block 0; from another height on, and as a name, it says nothing', async (t) => {
  const documents = blocksOn(null, 6, 'a');
  const open = async (chainId: string, base = 0): Promise<Chain> => {
    const chain = await openChain({ storage: memory, chain: sealedJson(), chainId, base });
    t.teardown(() => chain.close());
    return chain;
  };
  for (const chainId of [WRONG, `0x${WRONG}`]) {
    const chain = await open(chainId);
    await t.throwsAsync(chain.append(documents), { code: 'CHECKPOINT_MISMATCH', message: /first block/ });
    t.is(chain.tip().head, null);
    await (await open(chainId, 2)).append(documents.slice(2));
  }
  await (await open('f'.repeat(63))).append(documents);
  const { hash } = await refAt(await openOn(t, documents), 0);
  await (await open(hash)).append(documents);
});

async function openOn(t: ExecutionContext, documents: readonly Uint8Array[]): Promise<Chain> {
  const chain = await openChain({ storage: memory });
  t.teardown(() => chain.close());
  await chain.append(documents);
  return chain;
}

test('a store that contradicts a checkpoint or a chain id that is a hash is not opened, and stays as it is', async (t) => {
  const storage = { use: 'leveldb', location: join(tempDir(t), 'store') } as const;
  const made = await openChain({ storage, chain: 'sealed-json', chainId: 'lab' });
  await made.append(blocksOn(null, 10, 'a'));
  const right = await refAt(made, 4);
  const before = await bytesOf(made);
  await made.close();
  const wrong = { ...right, hash: WRONG };
  const { url } = await serveChain(t, await sourceChain(t, 5));
  await t.throwsAsync(openChain({ storage, checkpoints: [wrong] }), {
    code: 'CHECKPOINT_MISMATCH',
    message: /^Block 4 is /,
  });
  for (const mode of ['auto', 'snapshot'] as const) {
    const trust = { hash: WRONG };
    const outcome = await outcomeOf({ peers: [url], storage, checkpoints: [wrong], mode, trust });
    t.is(outcome.code, 'CHECKPOINT_MISMATCH', mode);
    t.deepEqual(droppedBy(outcome), [], 'no peer is to blame');
  }
  const checkpoints = [right, right, { height: 500, hash: WRONG }];
  const again = await openChain({ storage, checkpoints });
  t.true((await bytesOf(again)).equals(before));
  await again.close();
});

test('a store under the hash of another first block is not opened by who pins that name', async (t) => {
  const documents = blocksOn(null, 3, 'a');
  const plain = await openOn(t, documents);
  const storage = levelStorage({ location: join(tempDir(t), 'store') });
  // As an older version made it, on the word of a peer.
  const made = storage.create();
  await made.open();
  for await (const frames of plain.read({ from: 0, to: 2 })) {
    const blocks = frames.map((frame) => ({ frame, changes: [] }));
    const marks = { rollbackTo: null, confirmed: null, finalized: null };
    await made.commit({ ...marks, blocks, identity: { chain: 'sealed-json', chainId: WRONG } });
  }
  await made.close();
  await t.throwsAsync(openChain({ storage, chainId: WRONG }), { code: 'CHECKPOINT_MISMATCH' });
  const unpinned = await openChain({ storage });
  t.is(unpinned.tip().head?.height, 2);
  await unpinned.close();
});

test('a checkpoint that is held is not rolled back, by nobody; what is above it is', async (t) => {
  const source = await openOn(t, blocksOn(null, 10, 'a'));
  const pin = await refAt(source, 5);
  const chain = await openChain({ storage: memory, checkpoints: [pin, { height: 20, hash: WRONG }] });
  t.teardown(() => chain.close());
  await chain.append(blocksOn(null, 10, 'a'));
  await t.throwsAsync(chain.rollback(await refAt(chain, 4)), { code: 'BELOW_FINALIZED', message: /block 5/ });
  await t.throwsAsync(chain.rollback(null), { code: 'BELOW_FINALIZED' });
  t.is(chain.tip().head?.height, 9);
  await chain.rollback(pin);
  t.deepEqual(chain.tip().head, pin);
});

test('a fork below a checkpoint that is held is refused, told live or after the node was away', async (t) => {
  const source = await sourceChain(t, 40);
  const { url } = await serveChain(t, source);
  const storage = { use: 'leveldb', location: join(tempDir(t), 'node') } as const;
  const checkpoints = [await refAt(source, 20)];
  const node = new Follower(t, { peers: [url], checkpoints, storage });
  await node.reaches(source);
  await fork(source, 30, 15, 'above');
  await node.reaches(source);
  await fork(source, 15, 60, 'below');
  const error = await t.throwsAsync(node.started);
  t.true(isSyncError(error, 'BELOW_FINALIZED') || isSyncError(error, 'CHECKPOINT_MISMATCH'), String(error));
  t.is(node.engine.chain?.tip().head?.height, 45);
  await node.engine.close();
  const away = await outcomeOf({ peers: [url], checkpoints, storage });
  t.is(away.code, 'CHECKPOINT_MISMATCH');
  t.is(away.head?.height, 45);
});

test('two checkpoints of one height with different hashes are a TypeError, at the call', (t) => {
  const checkpoints = [
    { height: 3, hash: 'a' },
    { height: 3, hash: 'b' },
  ];
  t.throws(() => createSyncEngine({ peers: ['http://a'], storage: memory, checkpoints }), {
    instanceOf: TypeError,
    message: /`checkpoints\[1\]` has another hash for height 3/,
  });
});

test('--checkpoint pins blocks of sync, serve and verify; what is no HEIGHT:HASH is a wrong call', async (t) => {
  const source = await sourceChain(t, 10);
  const { url } = await serveChain(t, source);
  const data = join(tempDir(t), 'node');
  const at = ({ height, hash }: BlockRef): string => `${height}:${hash}`;
  const [genesis, middle] = [await refAt(source, 0), await refAt(source, 5)];
  const wrong = at({ height: 5, hash: WRONG });
  const refused = await cli(['sync', '--peer', url, '--data', join(tempDir(t), 'x'), '--checkpoint', wrong]);
  t.is(refused.code, 1);
  t.regex(refused.stderr, /CHECKPOINT_MISMATCH/);
  const pins = ['--checkpoint', at(genesis), '--checkpoint', at(middle)];
  t.is((await cli(['sync', '--peer', url, '--data', data, ...pins])).code, 0);
  t.is((await cli(['verify', '--data', data, ...pins])).code, 0);
  t.regex((await cli(['verify', '--data', data, '--checkpoint', wrong])).stderr, /CHECKPOINT_MISMATCH/);
  const served = await cli(['serve', '--data', data, '--port', '0', '--checkpoint', wrong]);
  t.regex(served.stderr, /CHECKPOINT_MISMATCH/);
  for (const text of ['5', '5:', 'x:a', `-1:${WRONG}`])
    t.is((await cli(['verify', '--data', data, '--checkpoint', text])).code, 2, text);
});
