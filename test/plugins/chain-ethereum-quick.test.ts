import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { readEthereumOptions } from '../../plugins/chain-ethereum/options.js';
import { QuickBlocks } from '../../plugins/chain-ethereum/quick-blocks.js';
import { EthereumRules } from '../../plugins/chain-ethereum/rules.js';
import { WASM } from '../../plugins/chain-ethereum/wasm.js';
import { pseudoRandom } from '../../bench/random.js';
import type { BlockHeader } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { dataTest } from '../helpers/data-test.js';
import { moduleTest } from '../helpers/module-test.js';
import { cancunBlock, pragueBlock } from './ethereum-forks.js';
import { type Json, madeBlock } from './ethereum-makings.js';

// Most documents here are refused, and nobody looks at where.
Error.stackTraceLimit = 0;

const quick = new QuickBlocks();
const rules = new EthereumRules(readEthereumOptions({}));
const stepByStep = new EthereumRules(readEthereumOptions({}), null);

const bytesOf = (value: unknown): Buffer =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

/** What the steps find; `null` for a refusal. */
function bySteps(document: Uint8Array): BlockHeader | null {
  try {
    return stepByStep.verify(document, null);
  } catch (error) {
    if (isSyncError(error)) return null;
    throw error;
  }
}

/** Whether the quick way says what the steps say, or leaves it to them. */
function agrees(t: ExecutionContext, document: Buffer, what: string): boolean {
  const before = Buffer.from(document);
  const proved = quick.one(document);
  if (proved !== null) t.deepEqual(proved, bySteps(document), `${what}: ${document.toString('base64')}`);
  t.true(before.equals(document), 'the document was modified');
  return proved !== null;
}

function seeded(t: ExecutionContext): () => number {
  const seed = randomInt(1, 2 ** 32);
  t.log(`seed ${seed}`);
  return pseudoRandom(seed);
}

test('Blocks with bodies of all kinds are proved the quick way, with the header that the steps read', (t) => {
  const random = seeded(t);
  for (let run = 0; run < 400; run++) {
    const document = bytesOf(madeBlock(random));
    t.not(bySteps(document), null, document.toString());
    t.true(agrees(t, document, `run ${run}`), document.toString());
  }
});

test('Blocks with as many transactions as where the keys of their trie change are proved', (t) => {
  const random = seeded(t);
  for (const count of [0, 1, 2, 15, 16, 17, 18, 126, 127, 128, 129, 130, 255, 256, 257, 272, 400]) {
    const document = bytesOf(madeBlock(random, { transactions: count }));
    t.true(agrees(t, document, `${count} transactions`), String(count));
  }
});

test('The module proves headers of all forks', (t) => {
  for (const block of [cancunBlock, pragueBlock]) t.true(agrees(t, bytesOf(block), block.hash));
});

/** Replaces one value somewhere in a block. */
function altered(value: unknown, random: () => number): unknown {
  if (Array.isArray(value) && value.length > 0) return alteredArray(value, random);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return alteredScalar(value, random);
  const entries = Object.entries(value);
  const at = random() % Math.max(1, entries.length);
  if (random() % 8 === 0) return Object.fromEntries(entries.filter((_, index) => index !== at));
  return Object.fromEntries(
    entries.map(([name, inner], index) => [name, index === at ? altered(inner, random) : inner]),
  );
}

function alteredArray(value: readonly unknown[], random: () => number): unknown[] {
  const at = random() % value.length;
  switch (random() % 6) {
    case 0:
      return value.filter((_, index) => index !== at);
    case 1:
      return [...value, value[at]];
    case 2:
      return [...value].reverse();
    default:
      return value.map((inner, index) => (index === at ? altered(inner, random) : inner));
  }
}

const OTHERS = [
  null,
  '0x',
  '0x0',
  '0x00',
  '0x1',
  0,
  1,
  255,
  1e21,
  -1,
  1.5,
  true,
  [],
  {},
  '',
  '0X1',
  '\u00e9',
  'a\\"b',
];

function alteredScalar(value: unknown, random: () => number): unknown {
  const other = OTHERS[random() % OTHERS.length];
  if (typeof value !== 'string' || value.length < 3 || random() % 3 === 0) return other;
  const at = 2 + (random() % (value.length - 2));
  switch (random() % 5) {
    case 0:
      return value.slice(0, at) + value.slice(at + 1);
    case 1:
      return `0x0${value.slice(2)}`;
    case 2:
      return value.toUpperCase();
    case 3:
      return Number(value.slice(0, 10));
    default:
      return value.slice(0, at) + (random() % 16).toString(16) + value.slice(at + 1);
  }
}

test('What is altered anywhere in a block is proved only if the steps take it', (t) => {
  const random = seeded(t);
  let proved = 0;
  let refused = 0;
  for (let run = 0; run < 3_000; run++) {
    const block = altered(madeBlock(random, { transactions: random() % 4 }), random);
    if (agrees(t, bytesOf(block), `run ${run}`)) proved++;
    else if (bySteps(bytesOf(block)) === null) refused++;
  }
  t.log(`${proved} proved, ${refused} refused`);
  t.true(proved > 30 && refused > 1_500, `${proved}, ${refused}`);
});

test('Bytes that are changed at random are proved only if the steps take them', (t) => {
  const random = seeded(t);
  const documents = Array.from({ length: 12 }, (_, index) =>
    bytesOf(madeBlock(random, { transactions: index % 4 })),
  );
  for (let run = 0; run < 6_000; run++) {
    const document = Buffer.from(documents[run % documents.length] as Buffer);
    const at = random() % document.length;
    const piece = document.subarray(random() % document.length).subarray(0, random() % 40);
    const changed =
      random() % 2 === 0
        ? Buffer.concat([document.subarray(0, at), piece, document.subarray(at + (random() % 3))])
        : document;
    if (changed === document) document[at] = random() % 256;
    agrees(t, changed, `run ${run}`);
  }
});

test('A name that is there twice, or is spelled with an escape, is left to the steps', (t) => {
  const text = JSON.stringify(cancunBlock);
  for (const name of ['number', 'hash', 'uncles', 'transactions', 'extraData', 'result'])
    t.false(agrees(t, bytesOf(text.replace(/\}$/, `,"${name}":"0x1","${name}":"0x1"}`)), name), name);
  t.is(quick.one(bytesOf(text.replace('"number"', '"\\u006eumber"'))), null);
  t.is(rules.verify(bytesOf(text.replace('"number"', '"\\u006eumber"')), null).height, 1);
});

test('A block that is too large for the module, or in too many pieces, is proved by the steps', (t) => {
  const long = bytesOf({ ...cancunBlock, other: 'x'.repeat(5_000_000) });
  t.is(quick.one(long), null);
  t.is(rules.verify(long, null).hash, cancunBlock.hash);
  const wide: Json = Object.fromEntries(Array.from({ length: 257 }, (_, at) => [`m${at}`, at]));
  t.is(quick.one(bytesOf({ ...cancunBlock, ...wide })), null);
  t.is(rules.verify(bytesOf({ ...cancunBlock, ...wide }), null).hash, cancunBlock.hash);
});

test('What the module has no room for is proved by the steps', (t) => {
  const random = seeded(t);
  // An envelope is there twice while its leaf is hashed: two of these are more than the arena holds.
  const wide = bytesOf(madeBlock(random, { inputBytes: 1_700_000 }));
  const many = bytesOf(madeBlock(random, { withdrawals: 16_385 }));
  for (const document of [wide, many]) {
    t.is(quick.one(document), null);
    t.not(bySteps(document), null);
  }
  t.not(quick.one(bytesOf(madeBlock(random, { inputBytes: 1_300_000 }))), null);
  t.not(quick.one(bytesOf(madeBlock(random, { withdrawals: 16_384 }))), null);
  const elements = bytesOf({ ...cancunBlock, uncles: Array.from({ length: 70_000 }, () => '') });
  t.is(quick.one(elements), null);
  t.is(bySteps(elements), null);
});

test('Many blocks are proved at once; one that is not proved leaves them all to the steps', (t) => {
  const random = seeded(t);
  const blocks = Array.from({ length: 40 }, () => bytesOf(madeBlock(random)));
  const lines = (documents: readonly Buffer[]): Buffer =>
    Buffer.concat(documents.flatMap((document) => [document, bytesOf('\n')]));
  t.deepEqual(quick.all(lines(blocks)), {
    headers: blocks.map((block) => stepByStep.verify(block, null)),
    documentLengths: blocks.map(({ length }) => length),
  });
  const broken = Buffer.from(blocks[20] as Buffer);
  broken[broken.indexOf('"stateRoot"') + 20] = 0x67;
  t.is(quick.all(lines([...blocks.slice(0, 20), broken, ...blocks.slice(21)])), null);
  t.is(quick.all(Buffer.concat(blocks)), null);
  t.is(quick.all(lines(Array.from({ length: 257 }, () => bytesOf(cancunBlock)))), null);
  t.deepEqual(quick.all(Buffer.alloc(0)), { headers: [], documentLengths: [] });
});

test('Rules that refuse members which nothing covers, do so', (t) => {
  const strict = new EthereumRules(readEthereumOptions({ members: 'known' }));
  const document = bytesOf({ ...cancunBlock, other: 1 });
  t.not(quick.one(document), null);
  t.throws(() => strict.verify(document, null), { code: 'BLOCK_MALFORMED' });
  t.is(strict.verifyRun(Buffer.concat([document, bytesOf('\n')])), null);
});

dataTest('Real blocks are proved the quick way', 'data/ethereum', (t, folder) => {
  const mainnet = gunzipSync(readFileSync(join(folder, 'eth-mainnet-0-8191.ndjson.gz'))).toString('latin1');
  const lines = mainnet.trimEnd().split('\n').slice(0, 2_000);
  for (const name of ['eth-4369999', 'eth-18000000', 'eth-18500000', 'sepolia-3445383', 'polygon-50000000'])
    lines.push(readFileSync(join(folder, `${name}-block.json`), 'utf8').replace(/\n\s*/g, ''));
  for (const line of lines) t.true(agrees(t, bytesOf(line), line.slice(0, 100)));
});

moduleTest('The module that proves blocks is what its source gives', 'plugins/chain-ethereum', WASM);
