import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ethereum } from '../../plugins/chain-ethereum/index.js';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import { type Chain, type ChainConfig, type ErrorCode, isSyncError, openChain } from '../../src/index.js';
import { blocksOn } from '../engine/follow-support.js';
import { producer, refOf, SCHEMES, signedOn } from '../helpers/producers.js';
import { tempDir } from '../helpers/temp-dir.js';

const memory = { use: 'memory' } as const;

async function opened(t: ExecutionContext, config: Partial<ChainConfig> = {}): Promise<Chain> {
  const chain = await openChain({ storage: memory, ...config });
  t.teardown(() => chain.close());
  return chain;
}

async function codeOf(run: () => Promise<unknown>): Promise<ErrorCode | null> {
  try {
    await run();
    return null;
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return error.code;
  }
}

const last = (documents: readonly Uint8Array[]): Uint8Array => {
  const document = documents.at(-1);
  if (document === undefined) throw new Error('no document');
  return document;
};

for (const scheme of SCHEMES) {
  test(`only blocks that an allowed key has signed are appended: ${scheme}`, async (t) => {
    const [ours, stranger] = [await producer(t, scheme), await producer(t, scheme)];
    const chain = await opened(t, { producers: [{ from: 0, keys: [ours.publicKey] }] });
    const documents = await signedOn(null, 3, ours);
    await chain.append(documents);
    const { head } = chain.tip();
    t.is(head?.height, 2);
    const refused = {
      SIGNATURE_INVALID: blocksOn(head, 1, 'unsigned'),
      PRODUCER_UNKNOWN: await signedOn(head, 1, stranger),
    };
    for (const [code, blocks] of Object.entries(refused)) {
      t.is(await codeOf(() => chain.append(blocks)), code as ErrorCode);
      // Among others each is checked, and none of them is stored.
      const mixed = [...blocks, ...(await signedOn(refOf(last(blocks)), 2, ours))];
      t.is(await codeOf(() => chain.append(mixed)), code as ErrorCode);
      t.deepEqual(chain.tip().head, head);
    }
    const [good] = await signedOn(head, 1, ours);
    t.is(await codeOf(() => chain.append(good === undefined ? [] : [good])), null);
  });
}

test('a signature of another key under the name of an allowed one is refused', async (t) => {
  const [ours, stranger] = [await producer(t), await producer(t)];
  const chain = await opened(t, { producers: [{ from: 0, keys: [ours.publicKey] }] });
  const { publicKey } = ours;
  const forger = { publicKey, signBytes: (message: Uint8Array) => stranger.signBytes(message) };
  t.is(await codeOf(async () => chain.append(await signedOn(null, 1, forger))), 'SIGNATURE_INVALID');
  t.is(chain.tip().head, null);
});

test('producers change at a height; below the first one nobody has to sign', async (t) => {
  const [a, b] = [await producer(t, 'secp256k1'), await producer(t)];
  const producers = [
    { from: 3, keys: [a.publicKey] },
    { from: 6, keys: [b.publicKey] },
  ];
  const free = blocksOn(null, 3, 'free');
  const byA = await signedOn(refOf(last(free)), 3, a);
  const byB = await signedOn(refOf(last(byA)), 3, b);
  const chain = await opened(t, { producers });
  await chain.append([...free, ...byA, ...byB]);
  t.is(chain.tip().head?.height, 8);
  const early = await opened(t, { producers });
  await early.append(free);
  t.is(await codeOf(async () => early.append(await signedOn(refOf(last(free)), 1, b))), 'PRODUCER_UNKNOWN');
  await early.append(byA);
  t.is(await codeOf(async () => early.append(await signedOn(refOf(last(byA)), 1, a))), 'PRODUCER_UNKNOWN');
  t.is(early.tip().head?.height, 5);
});

test('what an array of verified frames ends in has to be signed before any of them is stored', async (t) => {
  const ours = await producer(t);
  const chain = await opened(t, { producers: [{ from: 0, keys: [ours.publicKey] }] });
  const signed = await signedOn(null, 5, ours);
  await chain.append(signed);
  const point = { head: refOf(signed[1] ?? last(signed)), base: 0 };
  const forged = blocksOn(point.head, 20, 'forged');
  const verifier = chain.verifier(point);
  const frames = forged.map((document) => verifier.document(document));
  t.is(await codeOf(() => chain.replace(point.head, frames)), 'SIGNATURE_INVALID');
  const onHead = chain.verifier();
  const more = blocksOn(chain.tip().head, 20, 'forged').map((document) => onHead.document(document));
  t.is(await codeOf(() => chain.commit(more)), 'SIGNATURE_INVALID');
  t.is(chain.tip().head?.height, 4);
  t.is(chain.tip().head?.hash, refOf(last(signed)).hash);
});

test('in history a block at each 1,024th height is checked by itself', async (t) => {
  const ours = await producer(t);
  const chain = await opened(t, { producers: [{ from: 0, keys: [ours.publicKey] }] });
  const [first] = await signedOn(null, 1, ours);
  const forged = blocksOn(refOf(first ?? new Uint8Array()), 1024, 'forged');
  const verifier = chain.verifier();
  verifier.document(first ?? new Uint8Array());
  for (const document of forged.slice(0, -1)) verifier.document(document);
  t.throws(() => verifier.document(last(forged)), { code: 'SIGNATURE_INVALID' });
});

test('a store whose newest block nobody has signed who may is not opened, and is left as it is', async (t) => {
  const ours = await producer(t);
  const storage = { use: 'leveldb', location: join(tempDir(t), 'store') } as const;
  const producers = [{ from: 0, keys: [ours.publicKey] }];
  const signed = await signedOn(null, 3, ours);
  const chain = await openChain({ storage });
  await chain.append([...signed, ...blocksOn(refOf(last(signed)), 1, 'unsigned')]);
  await chain.close();
  t.is(await codeOf(() => openChain({ storage, producers })), 'SIGNATURE_INVALID');
  const later = [{ from: 4, keys: [ours.publicKey] }];
  await (await openChain({ storage, producers: later })).close();
  const again = await openChain({ storage });
  t.is(again.tip().head?.height, 3);
  await again.rollback(refOf(last(signed)));
  await again.close();
  await (await openChain({ storage, producers })).close();
});

test('rules without signed blocks are refused at the call, or when a store turns out to have them', async (t) => {
  const { publicKey } = await producer(t);
  const producers = [{ from: 0, keys: [publicKey] }];
  const own = { ...sealedJson(), name: 'own' };
  for (const chain of ['ethereum', 'linked:a,b,c'])
    await t.throwsAsync(openChain({ storage: memory, chain, producers }), { instanceOf: TypeError });
  await (await openChain({ storage: memory, chain: own, producers })).close();
  t.is(await codeOf(() => openChain({ storage: memory, chain: ethereum(), producers })), 'CHAIN_MISMATCH');
});

test('two blocks that one producer signs at one height are kept with both documents, and told once', async (t) => {
  const ours = await producer(t);
  const location = join(tempDir(t), 'store');
  const config = {
    storage: { use: 'leveldb', location },
    producers: [{ from: 0, keys: [ours.publicKey] }],
  } as const;
  const signed = await signedOn(null, 5, ours);
  const chain = await openChain(config);
  await chain.append(signed);
  const parent = refOf(signed[2] ?? last(signed));
  const other = await signedOn(parent, 1, ours, 'other');
  const verifier = chain.verifier({ head: parent, base: 0 });
  const frames = other.map((document) => verifier.document(document));
  const found = await chain.equivocations(frames);
  const [{ hash }] = [refOf(last(other))];
  const ownHash = refOf(signed[3] ?? last(signed)).hash;
  t.deepEqual(found, [{ height: 3, producer: ours.publicKey, hashes: [ownHash, hash], kept: true }]);
  t.deepEqual(await chain.equivocations(frames), []);
  await chain.close();
  const again = await opened(t, config);
  t.deepEqual(await again.equivocations(frames), [], 'told once, also after a restart');
  const [evidence] = await again.evidence();
  t.is(evidence?.producer, ours.publicKey);
  t.deepEqual(
    evidence?.documents.map((document) => Buffer.from(document)),
    [Buffer.from(signed[3] ?? last(signed)), Buffer.from(last(other))],
  );
  const directory = join(location, 'evidence');
  for (const name of readdirSync(directory)) t.is(statSync(join(directory, name)).mode & 0o777, 0o600);
});

test('no evidence is made of a stranger’s block, of an unsigned one, or of what only looks signed', async (t) => {
  const [ours, stranger] = [await producer(t), await producer(t)];
  const chain = await opened(t, { producers: [{ from: 0, keys: [ours.publicKey] }] });
  const signed = await signedOn(null, 5, ours);
  await chain.append(signed);
  const parent = refOf(signed[2] ?? last(signed));
  const framesOf = (documents: readonly Uint8Array[]): Parameters<Chain['equivocations']>[0] => {
    const verifier = chain.verifier({ head: parent, base: 0 });
    return documents.map((document) => verifier.document(document));
  };
  t.deepEqual(await chain.equivocations(framesOf(blocksOn(parent, 1, 'x'))), []);
  t.deepEqual(await chain.equivocations(framesOf(await signedOn(parent, 1, stranger, 'x'))), []);
  const forger = { ...ours, publicKey: ours.publicKey, signBytes: () => Promise.resolve('0'.repeat(128)) };
  const forged = framesOf(await signedOn(parent, 1, forger, 'x'));
  t.is(await codeOf(() => chain.equivocations(forged)), 'SIGNATURE_INVALID');
  t.deepEqual(await chain.evidence(), []);
  const repeated = chain.verifier({ head: parent, base: 0 });
  t.deepEqual(
    await chain.equivocations([repeated.document(signed[3] ?? last(signed))]),
    [],
    'the same block',
  );
});

test('evidence is bounded, for each producer and in all, and files that are something else are left alone', async (t) => {
  const signers = await Promise.all(Array.from({ length: 9 }, () => producer(t)));
  const location = join(tempDir(t), 'store');
  const producers = [{ from: 0, keys: signers.map(({ publicKey }) => publicKey) }];
  const blocksOf = async (label: string): Promise<Uint8Array[]> => {
    const documents: Uint8Array[] = [];
    for (const signer of signers) {
      const head = documents.at(-1);
      documents.push(...(await signedOn(head === undefined ? null : refOf(head), 10, signer, label)));
    }
    return documents;
  };
  const chain = await opened(t, { storage: { use: 'leveldb', location }, producers });
  await chain.append(await blocksOf('ours'));
  const verifier = chain.verifier({ head: null, base: 0 });
  const frames = (await blocksOf('theirs')).map((document) => verifier.document(document));
  const told = await chain.equivocations(frames);
  // Eight of each of the first eight producers, which is all that there is room for.
  const wanted = [...frames.keys()].filter((height) => height < 80 && height % 10 < 8);
  t.deepEqual(
    told.map(({ height }) => height),
    wanted,
  );
  t.true(told.every(({ kept }) => kept));
  writeFileSync(join(location, 'evidence', `7000-${signers[0]?.publicKey ?? ''}.ndjson`), 'cut off');
  writeFileSync(join(location, 'evidence', 'note.txt'), 'x\ny\n');
  t.deepEqual(
    (await chain.evidence()).map(({ height }) => height),
    wanted,
  );
  await chain.close();
  const again = await opened(t, { storage: { use: 'leveldb', location }, producers });
  const later = await again.equivocations(frames.slice(80));
  t.deepEqual([...new Set(later.map(({ kept }) => kept))], [false], 'told, and not kept');
});

test('without producers nothing of signatures is looked at, and a signed chain is one as any other', async (t) => {
  const ours = await producer(t);
  const chain = await opened(t);
  const signed = await signedOn(null, 3, ours);
  await chain.append(signed);
  await chain.append(blocksOn(refOf(last(signed)), 2, 'unsigned'));
  t.is(chain.tip().head?.height, 4);
  const verifier = chain.verifier({ head: null, base: 0 });
  const other = (await signedOn(null, 3, ours, 'other')).map((document) => verifier.document(document));
  t.deepEqual(await chain.equivocations(other), []);
  t.deepEqual(await chain.evidence(), []);
});
