import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { ethereum } from '../../plugins/chain-ethereum/index.js';
import { encode } from '../../plugins/chain-ethereum/rlp.js';
import { type ErrorCode, isSyncError } from '../../src/errors/index.js';
import { chainRulesCompliance } from '../../src/testing/compliance/chain-rules.js';
import { dataTest } from '../helpers/data-test.js';
import { sharedPath } from '../helpers/shared.js';
import { cancunBlock, pragueBlock } from './ethereum-forks.js';

type Json = Readonly<Record<string, unknown>>;

const rules = ethereum().create();
const MAINNET = 'data/ethereum/eth-mainnet-0-8191.ndjson.gz';

const bytesOf = (block: Json): Uint8Array => Buffer.from(JSON.stringify(block));
const without = (block: Json, ...names: string[]): Json =>
  Object.fromEntries(Object.entries(block).filter(([name]) => !names.includes(name)));

function codeOf(block: Json | Uint8Array): ErrorCode | null {
  try {
    rules.verify(block instanceof Uint8Array ? block : bytesOf(block), null);
    return null;
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return error.code;
  }
}

const linesOf = (file: string): string[] => gunzipSync(readFileSync(file)).toString().trimEnd().split('\n');

test('The plugin registers rules that certify hashes and start with a parent of zeros', (t) => {
  t.is(ethereum().name, 'ethereum');
  t.is(rules.id, 'ethereum');
  t.true(rules.selfCertifying);
  t.is(rules.genesisPreviousHash, `0x${'00'.repeat(32)}`);
});

test('Byte strings and lists are encoded as in the examples of the RLP specification', (t) => {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const text = (value: string): Uint8Array => Buffer.from(value);
  t.is(hex(encode(text('dog'))), '83646f67');
  t.is(hex(encode([text('cat'), text('dog')])), 'c88363617483646f67');
  t.is(hex(encode(text(''))), '80');
  t.is(hex(encode([])), 'c0');
  t.is(hex(encode(Buffer.of(0x0f))), '0f');
  t.is(hex(encode(Buffer.of(0x80))), '8180');
  t.is(hex(encode(Buffer.of(0x04, 0x00))), '820400');
  t.is(hex(encode([[], [[]]])), 'c3c0c1c0');
  t.is(hex(encode(text('x'.repeat(55)))).slice(0, 4), 'b778');
  t.is(hex(encode(text('x'.repeat(56)))).slice(0, 6), 'b83878');
  t.is(hex(encode(text('x'.repeat(1024)))).slice(0, 8), 'b9040078');
  t.is(hex(encode([text('x'.repeat(70_000))])).slice(0, 16), 'fa011174ba011170');
});

test('Headers of Cancun and Prague have the hashes that they state', (t) => {
  t.deepEqual(rules.verify(bytesOf(cancunBlock), { height: 1 }), {
    height: 1,
    hash: cancunBlock.hash,
    previousHash: cancunBlock.parentHash,
    timestamp: 12_000,
  });
  t.is(rules.verify(bytesOf(pragueBlock), { height: 158 }).hash, pragueBlock.hash);
});

test('Quantities may be JSON integers, and fields of forks to come null', (t) => {
  const { number, timestamp, gasUsed, baseFeePerGas } = cancunBlock;
  const numbers = {
    number: Number(number),
    timestamp: Number(timestamp),
    gasUsed: Number(gasUsed),
    baseFeePerGas: Number(baseFeePerGas),
  };
  t.is(codeOf({ ...cancunBlock, ...numbers, difficulty: 0, requestsHash: null }), null);
  t.is(codeOf({ ...cancunBlock, gasUsed: Number(gasUsed) + 1 }), 'HASH_MISMATCH');
  const huge = JSON.stringify({ ...cancunBlock, difficulty: 0 }).replace(
    '"difficulty":0',
    '"difficulty":115792089237316195423570985008687907853269984665640564039457584007913129639935',
  );
  t.is(codeOf(Buffer.from(huge)), 'HASH_MISMATCH');
  t.is(codeOf(Buffer.from(huge.replace('639935', '639936'))), 'BLOCK_MALFORMED');
});

test('Fields of a later fork are refused without all those before', (t) => {
  for (const name of [
    'baseFeePerGas',
    'withdrawalsRoot',
    'blobGasUsed',
    'excessBlobGas',
    'parentBeaconBlockRoot',
  ]) {
    t.is(codeOf(without(pragueBlock, name)), 'BLOCK_MALFORMED', name);
    t.is(codeOf({ ...cancunBlock, [name]: null }), 'BLOCK_MALFORMED', name);
  }
  const later = ['requestsHash', 'parentBeaconBlockRoot', 'excessBlobGas', 'blobGasUsed'];
  t.is(codeOf(without(pragueBlock, 'requestsHash')), 'HASH_MISMATCH');
  t.is(codeOf(without(pragueBlock, ...later)), 'HASH_MISMATCH');
  t.is(codeOf(without(pragueBlock, ...later, 'withdrawalsRoot', 'baseFeePerGas')), 'HASH_MISMATCH');
});

test('Every field must have its form', (t) => {
  const bad: [string, unknown[]][] = [
    [
      'number',
      [
        '0x',
        '0x02a',
        '2a',
        '0x2A',
        '0X2a',
        -1,
        1.5,
        '42',
        null,
        [],
        '0x20000000000000',
        `0x1${'0'.repeat(64)}`,
      ],
    ],
    ['difficulty', ['0x00', `0x1${'0'.repeat(64)}`, '']],
    [
      'parentHash',
      [`0x${'a'.repeat(63)}`, `0x${'a'.repeat(62)}`, `0x${'A'.repeat(64)}`, 'a'.repeat(64), 1, null],
    ],
    ['stateRoot', [`0x${'g'.repeat(64)}`, `0x${'a'.repeat(66)}`]],
    ['miner', [`0x${'A'.repeat(40)}`, `0x${'a'.repeat(38)}`, `0x${'a'.repeat(42)}`]],
    ['logsBloom', ['0x', `0x${'0'.repeat(510)}`]],
    ['nonce', ['0x0', `0x${'0'.repeat(18)}`]],
    ['extraData', ['0x0', '', 0]],
    ['hash', [`0x${'a'.repeat(62)}`, cancunBlock.hash.toUpperCase(), null]],
    ['uncles', [null, {}, '0x', [1], ['0x'], [{}], [[]]]],
  ];
  for (const [name, values] of bad) {
    for (const value of values)
      t.is(codeOf({ ...cancunBlock, [name]: value }), 'BLOCK_MALFORMED', `${name} ${JSON.stringify(value)}`);
    if (name !== 'uncles') t.is(codeOf(without(cancunBlock, name)), 'BLOCK_MALFORMED', name);
    const again = JSON.stringify(cancunBlock).replace(/\}$/, `,"${name}":0}`);
    t.is(codeOf(Buffer.from(again)), 'BLOCK_MALFORMED', `${name} twice`);
  }
  const escaped = JSON.stringify(cancunBlock).replace('"0xc"', '"0x\\u0063"');
  t.is(codeOf(Buffer.from(escaped)), 'BLOCK_MALFORMED');
});

test('A time beyond the range of milliseconds is no timestamp', (t) => {
  t.is(rules.describe(bytesOf({ ...cancunBlock, timestamp: '0xffffffffffffffff' })).timestamp, null);
});

test('Bare hashes of uncles are taken only where the header says that there are uncles', (t) => {
  t.is(codeOf({ ...cancunBlock, uncles: [cancunBlock.parentHash] }), 'HASH_MISMATCH');
  t.is(codeOf(without(cancunBlock, 'uncles')), null);
});

const mainnet = sharedPath(MAINNET);
if (mainnet !== null) {
  const documents = linesOf(mainnet)
    .slice(0, 12)
    .map((line) => Buffer.from(line));
  const cases = chainRulesCompliance({
    rules,
    documents,
    uncovered: ['totalDifficulty', 'transactions', 'uncles'],
  });
  for (const item of cases) {
    test(`${item.id} ${item.title}`, async (t) => {
      await t.notThrowsAsync(item.run());
    });
  }
}

dataTest('All of mainnet blocks 0 to 8191 are verified, with their uncles', MAINNET, (t, file) => {
  let parent = rules.genesisPreviousHash;
  let uncles = 0;
  const lines = linesOf(file);
  for (const [height, line] of lines.entries()) {
    const header = rules.verify(Buffer.from(line), { height });
    if (header.previousHash !== parent) t.fail(`parent of ${height}`);
    parent = header.hash;
    uncles += (JSON.parse(line) as { uncles: unknown[] }).uncles.length;
  }
  t.is(lines.length, 8192);
  t.is(uncles, 1410);
});

dataTest('An uncle that is altered, dropped, doubled or moved is noticed', MAINNET, (t, file) => {
  const blocks = linesOf(file)
    .slice(0, 400)
    .map((line) => JSON.parse(line) as Json & { uncles: Json[] });
  const withUncles = blocks.filter(({ uncles }) => uncles.length > 0);
  t.true(withUncles.some(({ uncles }) => uncles.length === 2));
  for (const block of withUncles) {
    const { uncles } = block;
    const [first = {}] = uncles;
    const hashes = uncles.map(({ hash }) => hash);
    t.is(codeOf({ ...block, uncles: hashes }), null);
    t.is(codeOf({ ...block, uncles: uncles.map((uncle) => without(uncle, 'hash')) }), null);
    const altered: unknown[][] = [
      [],
      [...uncles, first],
      [{ ...first, gasUsed: '0x1' }, ...uncles.slice(1)],
      [{ ...first, hash: block['hash'] }, ...uncles.slice(1)],
      [without({ ...first, extraData: '0x00' }, 'hash'), ...uncles.slice(1)],
      ...(uncles.length > 1 ? [uncles.toReversed()] : []),
    ];
    for (const list of altered) t.is(codeOf({ ...block, uncles: list }), 'HASH_MISMATCH');
    t.is(codeOf({ ...block, uncles: [first, first['hash']] }), 'BLOCK_MALFORMED');
  }
});

for (const [name, height] of [
  ['eth-4369999', 4369999],
  ['eth-18000000', 18000000],
  ['eth-18500000', 18500000],
  ['sepolia-3445383', 3445383],
  ['polygon-50000000', 50000000],
] as const) {
  dataTest(`The header of ${name} is verified`, `data/ethereum/${name}-block.json`, (t, file) => {
    const text = readFileSync(file, 'utf8').replace(/\n\s*/g, '');
    const header = rules.verify(Buffer.from(text), { height });
    t.is(header.height, height);
    const { timestamp } = JSON.parse(text) as { timestamp: string };
    t.is(header.timestamp, Number(timestamp) * 1000);
    t.is(codeOf(Buffer.from(text.replace(/"gasUsed":\s*"0x1?/, '$&2'))), 'HASH_MISMATCH');
  });
}
