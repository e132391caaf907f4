import { createHash } from 'node:crypto';
import test from 'ava';
import { memoryStorage } from '../../plugins/storage-memory/index.js';
import { isSyncError, openChain } from '../../src/index.js';
import { seal, SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';
import { chainRulesCompliance, codecCompliance, storageCompliance } from '../../src/testing/index.js';
import { consortium } from '../../examples/plugin-chain-rules.js';
import { summed } from '../../examples/plugin-codec.js';
import { audited } from '../../examples/plugin-storage.js';

/** A sealed chain of blocks with these authors. */
function documentsBy(authors: readonly string[]): Uint8Array[] {
  let previousHash = SEALED_JSON_GENESIS;
  return authors.map((author, height) => {
    const block = seal(Buffer.from(JSON.stringify({ author, records: [6] })), { height, previousHash });
    previousHash = block.hash;
    return block.document;
  });
}

for (const codecCase of codecCompliance({ codec: summed().create() })) {
  // It does not compress, so no input can expand in it.
  if (codecCase.id === 'CO-15') continue;
  test(`the codec of the documentation: ${codecCase.id} ${codecCase.title}`, async (t) => {
    await t.notThrowsAsync(() => codecCase.run());
  });
}

test('the codec of the documentation keeps the document readable and ends with its SHA-256', (t) => {
  const document = Buffer.from('{"a":1}');
  const encoded = Buffer.from(summed().create().encode(document));
  t.deepEqual(encoded.subarray(0, 7), document);
  t.deepEqual(encoded.subarray(7), createHash('sha256').update(document).digest());
});

const rules = consortium(['ada', 'grace']).create();
for (const rulesCase of chainRulesCompliance({ rules, documents: documentsBy(['ada', 'grace']) })) {
  test(`the chain rules of the documentation: ${rulesCase.id} ${rulesCase.title}`, async (t) => {
    await t.notThrowsAsync(() => rulesCase.run());
  });
}

test('the chain rules of the documentation refuse a well-sealed block of somebody who is no member', (t) => {
  const [, foreign = new Uint8Array()] = documentsBy(['ada', 'mallory']);
  const error = t.throws(() => rules.verify(foreign, null));
  t.true(isSyncError(error, 'BLOCK_MALFORMED'));
  t.regex(error.message, /Block 1 is by "mallory"/);
});

const storageFixture = {
  create: () => Promise.resolve(audited(memoryStorage(), () => undefined).create()),
  reopen: () => Promise.reject(new Error('A store in memory is gone when it is closed.')),
};
for (const storageCase of storageCompliance(storageFixture)) {
  test(`the storage of the documentation: ${storageCase.id} ${storageCase.title}`, async (t) => {
    await t.notThrowsAsync(() => storageCase.run());
  });
}

test('the storage of the documentation tells of each block in order, and of none that was refused', async (t) => {
  const told: number[] = [];
  const storage = audited(memoryStorage(), ({ height }) => told.push(height));
  const chain = await openChain({
    storage,
    chain: consortium(['ada']),
    plugins: [summed()],
    storeCodec: 'summed',
  });
  const documents = documentsBy(['ada', 'ada', 'ada', 'mallory']);
  await chain.append(documents.slice(0, 3));
  await t.throwsAsync(chain.append(documents.slice(3)), { message: /Block 3 is by "mallory"/ });
  t.deepEqual(told, [0, 1, 2]);
  t.true(Buffer.from(documents[1] ?? []).equals((await chain.get(1))?.bytes ?? new Uint8Array()));
  await chain.close();
});
