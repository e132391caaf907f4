import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { findWorkload, titleOf, type Workload } from '../../bench/workloads.js';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';

function workload(name: string, blocks: number | null = null): Workload {
  const found = findWorkload(name, blocks);
  if (found === null) throw new Error(`There is no workload ${name}.`);
  return found;
}

async function all(of: Workload): Promise<readonly Uint8Array[]> {
  const documents: Uint8Array[] = [];
  for await (const document of of.documents()) documents.push(document);
  return documents;
}

test('The blocks of 0.9 KB are the same bytes each time and on every machine', async (t) => {
  const documents = await all(workload('sealed-900'));
  const digest = createHash('sha256');
  for (const document of documents) digest.update(document);
  t.is(documents.length, 10_000);
  t.is(digest.digest('hex'), '7fb305bd540fbb7efaaf71bddd8b5a8a5fc9a96f3f3fbb2a9224e7c7ddfb5633');
});

test('The blocks of 0.9 KB are a valid chain of that size, and compress alone and together as records do', async (t) => {
  const rules = sealedJson().create();
  const documents = await all(workload('sealed-900', 1000));
  let previousHash = rules.genesisPreviousHash ?? '';
  for (const [height, document] of documents.entries()) {
    const header = rules.verify(document, { height });
    t.is(header.previousHash, previousHash);
    previousHash = header.hash;
  }
  const bytes = documents.reduce((sum, { length }) => sum + length, 0);
  const alone = documents.reduce((sum, document) => sum + gzipSync(document).length, 0);
  const together = gzipSync(Buffer.concat(documents)).length;
  t.true(Math.abs(bytes / documents.length - 900) < 50, `${bytes / documents.length} bytes a block`);
  t.true(bytes / alone > 1.4 && bytes / alone < 2.5, `alone ${bytes / alone}`);
  t.true(bytes / together > 3 && bytes / together < 8, `together ${bytes / together}`);
});

test('A workload that is cut has its first blocks, and its title says how many', async (t) => {
  const cut = workload('sealed-900', 3);
  t.deepEqual(await all(cut), (await all(workload('sealed-900', 10))).slice(0, 3));
  t.is(titleOf(cut), '3 sealed blocks of 0.9 KB');
  t.is(findWorkload('nothing'), null);
});
