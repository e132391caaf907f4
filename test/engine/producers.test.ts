import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import {
  type BlockSigner,
  type Chain,
  createSyncEngine,
  isSyncError,
  openChain,
  type ProducerSet,
  type SyncEngineConfig,
  type SyncEvent,
} from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { producer, refOf, signedOn } from '../helpers/producers.js';
import { answerBy, blockEvent, completeEvent, listen, plainServer } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { blocksOn, bytesOf, Follower, serveChain } from './follow-support.js';
import { key } from './snapshot-support.js';

const memory = { use: 'memory' } as const;
const none = new Uint8Array();

async function chainOf(t: ExecutionContext, documents: readonly Uint8Array[]): Promise<Chain> {
  const chain = await openChain({ storage: memory, chain: 'sealed-json' });
  t.teardown(() => chain.close());
  await chain.append(documents);
  return chain;
}

interface Outcome {
  readonly code: string | null;
  readonly events: readonly SyncEvent[];
  readonly stored: Buffer;
  readonly handed: readonly number[];
  readonly phases: readonly string[];
}

/** Runs a sync to its end, with a handler. */
async function outcomeOf(config: SyncEngineConfig): Promise<Outcome> {
  const engine = createSyncEngine({ retry: { maxAttempts: 3, baseDelayMs: 1 }, ...config });
  const events: SyncEvent[] = [];
  const handed: number[] = [];
  engine.events.subscribe((event) => events.push(event));
  let code: string | null = null;
  try {
    await engine.run((block) => {
      handed.push(block.height);
      return Promise.resolve();
    });
  } catch (error) {
    if (!isSyncError(error)) throw error;
    ({ code } = error);
  }
  const stored = await bytesOf(engine.chain);
  await engine.close();
  const phases = events.flatMap((event) => (event.type === 'phase' ? [event.phase] : []));
  return { code, events, stored, handed, phases };
}

const droppedBy = ({ events }: Outcome): readonly (string | undefined)[] =>
  events.flatMap((event) => (event.type === 'peer' && event.status === 'dropped' ? [event.error?.code] : []));

/** A signed chain of 300 blocks, and one that somebody without a key made from block 20 on. */
async function chains(t: ExecutionContext): Promise<{
  readonly signer: BlockSigner;
  readonly honest: Chain;
  readonly forged: Chain;
  readonly producers: readonly ProducerSet[];
}> {
  const signer = await producer(t);
  const documents = await signedOn(null, 300, signer);
  const base = documents.slice(0, 20);
  const forged = [...base, ...blocksOn(refOf(base.at(-1) ?? none), 400, 'forged')];
  const producers = [{ from: 0, keys: [signer.publicKey] }];
  return { signer, producers, honest: await chainOf(t, documents), forged: await chainOf(t, forged) };
}

for (const mode of ['stream', 'json'] as const) {
  test(`a forged history is never synced, stored or handed on, by ${mode}, and the next peer is asked`, async (t) => {
    const { honest, forged, producers } = await chains(t);
    const [liar, good] = [(await serveChain(t, forged)).url, (await serveChain(t, honest)).url];
    const alone = await outcomeOf({ peers: [liar], mode, storage: memory, producers });
    t.is(alone.code, 'SIGNATURE_INVALID');
    t.deepEqual(droppedBy(alone), ['SIGNATURE_INVALID']);
    t.false(alone.phases.includes('synced'));
    t.true((await bytesOf(honest)).subarray(0, alone.stored.length).equals(alone.stored));
    t.true(alone.handed.every((height) => height < 20));
    for (const peers of [
      [liar, good],
      [good, liar],
    ]) {
      const both = await outcomeOf({ peers, mode, storage: memory, producers });
      t.is(both.code, null);
      t.true((await bytesOf(honest)).equals(both.stored));
      t.is(both.handed.length, 300);
    }
  });
}

test('without producers the same forged history is taken: a hash chain proves no authors', async (t) => {
  const { forged } = await chains(t);
  const { url } = await serveChain(t, forged);
  const taken = await outcomeOf({ peers: [url], storage: memory });
  t.is(taken.code, null);
  t.is(taken.handed.length, 420);
});

test('a peer that claims a far head to get unchecked blocks in gets none in', async (t) => {
  const { honest, forged, producers } = await chains(t);
  const { url } = await serveChain(t, forged);
  const target = url;
  // All that it says is the forged chain's, save a head that is a million blocks away.
  const liar = await listen(t, (request, response) => {
    answerBy(
      response,
      fetch(`${target}${request.url ?? ''}`).then(async (answer) => {
        const type = answer.headers.get('content-type') ?? '';
        const body = Buffer.from(await answer.arrayBuffer());
        const isStatus = request.url?.endsWith('/status') === true;
        const text = isStatus ? body.toString().replace('"height":419', '"height":1000000') : null;
        response.writeHead(answer.status, { 'content-type': type }).end(text ?? body);
      }),
    );
  });
  for (const mode of ['stream', 'json'] as const) {
    const got = await outcomeOf({ peers: [liar], mode, storage: memory, producers });
    t.not(got.code, null, mode);
    t.false(got.phases.includes('synced'), mode);
    t.true((await bytesOf(honest)).subarray(0, got.stored.length).equals(got.stored), mode);
    t.true(
      got.handed.every((height) => height < 20),
      mode,
    );
  }
});

test('whatever a peer without a key serves, what is stored is the beginning of the signed chain', async (t) => {
  const signer = await producer(t);
  const documents = await signedOn(null, 700, signer);
  const honest = await bytesOf(await chainOf(t, documents));
  const producers = [{ from: 0, keys: [signer.publicKey] }];
  const forger = { publicKey: signer.publicKey, signBytes: () => Promise.resolve('0'.repeat(128)) };
  const attack = fc.record({
    at: fc.integer({ min: 0, max: 699 }),
    length: fc.integer({ min: 1, max: 600 }),
    looksSigned: fc.boolean(),
    mode: fc.constantFrom('stream', 'json'),
    maxBatchBlocks: fc.integer({ min: 1, max: 600 }),
  });
  await fc.assert(
    fc.asyncProperty(attack, async ({ at, length, looksSigned, mode, maxBatchBlocks }) => {
      const parent = at === 0 ? null : refOf(documents[at - 1] ?? none);
      const own = looksSigned
        ? await signedOn(parent, length, forger, 'forged')
        : blocksOn(parent, length, 'forged');
      const { url } = await serveChain(t, await chainOf(t, [...documents.slice(0, at), ...own]));
      const limits = { maxBatchBlocks };
      const got = await outcomeOf({ peers: [url], mode, storage: memory, producers, limits });
      t.is(got.code, 'SIGNATURE_INVALID');
      t.true(honest.subarray(0, got.stored.length).equals(got.stored));
      t.true(got.handed.every((height) => height < at));
      t.false(got.phases.includes('synced'));
    }),
    { numRuns: 15 },
  );
});

test('a branch that nobody has signed does not take the place of a signed one, however long it is', async (t) => {
  const { honest, forged, producers } = await chains(t);
  const location = join(tempDir(t), 'store');
  const config = { storage: { use: 'leveldb', location }, producers } as const;
  const [liar, good] = [(await serveChain(t, forged)).url, (await serveChain(t, honest)).url];
  t.is((await outcomeOf({ ...config, peers: [good] })).code, null);
  const again = await outcomeOf({ ...config, peers: [liar], maxRollbackBlocks: 1000 });
  t.is(again.code, 'SIGNATURE_INVALID');
  t.deepEqual(
    again.events.filter(({ type }) => type === 'rollback'),
    [],
  );
  t.true((await bytesOf(honest)).equals(again.stored));
});

test('each live block is checked by itself, also one that a signed block stands on', async (t) => {
  const signer = await producer(t);
  const [first = none] = await signedOn(null, 1, signer);
  const [unsigned = none] = blocksOn(refOf(first), 1, 'unsigned');
  const [above = none] = await signedOn(refOf(unsigned), 1, signer);
  const url = await plainServer(t, (from, response) => {
    if (from === 0) response.write(blockEvent(0, first) + completeEvent(refOf(first)));
    response.write(blockEvent(1, unsigned) + blockEvent(2, above));
  });
  const producers = [{ from: 0, keys: [signer.publicKey] }];
  const node = new Follower(t, { peers: [url], chain: 'sealed-json', producers });
  await t.throwsAsync(node.started, { code: 'SIGNATURE_INVALID', message: /Block 1/ });
  t.is(node.engine.chain?.tip().head?.height, 0);
});

test('a signed chain whose producer changes is synced and followed', async (t) => {
  const [a, b] = [await producer(t, 'secp256k1'), await producer(t)];
  const byA = await signedOn(null, 100, a);
  const byB = await signedOn(refOf(byA.at(-1) ?? none), 50, b);
  const source = await chainOf(t, [...byA, ...byB]);
  const { url } = await serveChain(t, source);
  const producers = [
    { from: 0, keys: [a.publicKey] },
    { from: 100, keys: [b.publicKey] },
  ];
  const node = new Follower(t, { peers: [url], producers });
  await node.until(() => node.engine.state.phase === 'synced');
  await source.append(await signedOn(source.tip().head, 3, b));
  await node.reaches(source);
  await source.append(await signedOn(source.tip().head, 1, a));
  await t.throwsAsync(node.started, { code: 'PRODUCER_UNKNOWN', message: new RegExp(a.publicKey) });
  t.is(node.engine.chain?.tip().head?.height, 152);
});

test('the last block of the old producers and the first of the new ones are checked in the middle of history', async (t) => {
  const [a, b] = [await producer(t), await producer(t)];
  const byA = await signedOn(null, 150, a);
  const late = await signedOn(refOf(byA.at(-1) ?? none), 10, a);
  const byB = await signedOn(refOf(late.at(-1) ?? none), 200, b);
  const { url } = await serveChain(t, await chainOf(t, [...byA, ...late, ...byB]));
  const producers = [
    { from: 0, keys: [a.publicKey] },
    { from: 150, keys: [b.publicKey] },
  ];
  const got = await outcomeOf({ peers: [url], storage: memory, producers });
  t.is(got.code, 'PRODUCER_UNKNOWN');
  t.true(got.handed.every((height) => height < 150));
});

test('a producer that signs two branches is told of once, and both documents are kept', async (t) => {
  const signer = await producer(t);
  const common = await signedOn(null, 20, signer);
  const top = refOf(common.at(-1) ?? none);
  const [ours, theirs] = [await signedOn(top, 3, signer, 'a'), await signedOn(top, 6, signer, 'b')];
  const location = join(tempDir(t), 'store');
  const producers = [{ from: 0, keys: [signer.publicKey] }];
  const config = { storage: { use: 'leveldb', location }, producers } as const;
  const one = await serveChain(t, await chainOf(t, [...common, ...ours]));
  t.is((await outcomeOf({ ...config, peers: [one.url] })).code, null);
  const other = await serveChain(t, await chainOf(t, [...common, ...theirs]));
  const got = await outcomeOf({ ...config, peers: [other.url] });
  const told = got.events.flatMap((event) => (event.type === 'equivocation' ? [event] : []));
  t.deepEqual(
    told.map(({ height, producer: who, kept }) => [height, who, kept]),
    [20, 21, 22].map((height) => [height, signer.publicKey, true]),
  );
  t.deepEqual(told[0]?.hashes, [refOf(ours[0] ?? none).hash, refOf(theirs[0] ?? none).hash]);
  t.is(told[0]?.peer, `${other.url}/sync`);
  const chain = await openChain(config);
  const kept = await chain.evidence();
  t.deepEqual(
    kept.map(({ documents }) => documents.map((document) => Buffer.from(document))),
    ours.map((document, index) => [Buffer.from(document), Buffer.from(theirs[index] ?? none)]),
  );
  t.is(chain.tip().head?.height, 25, 'which of two signed branches is right is not for signatures to say');
  await chain.close();
});

test('a snapshot ends in a signed block, or is not taken', async (t) => {
  const { honest, forged, producers } = await chains(t);
  const snapshotSigner = await key(7);
  const trust = { signers: [snapshotSigner.publicKey] };
  const served = async (source: Chain): Promise<string> => {
    const directory = join(tempDir(t), 'snapshots');
    const snapshots = { signer: snapshotSigner, directory, maxPartBytes: 2_000 };
    const server = createSyncServer({ source, snapshots });
    t.teardown(() => server.close());
    return `${await listen(t, nodeListener(server))}/sync`;
  };
  const config = { mode: 'snapshot', trust, storage: memory, producers } as const;
  const bad = await outcomeOf({ ...config, peers: [await served(forged)] });
  t.is(bad.code, 'SIGNATURE_INVALID');
  t.is(bad.stored.length, 0);
  const good = await outcomeOf({ ...config, peers: [await served(honest)] });
  t.is(good.code, null);
  t.true((await bytesOf(honest)).equals(good.stored));
});
