import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { linked, parseLinkedId } from '../../plugins/chain-linked/index.js';
import type { BlockHeader } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { chainRulesCompliance } from '../../src/testing/compliance/chain-rules.js';
import { dataTest } from '../helpers/data-test.js';

const rules = linked({ height: 'n', hash: 'id', previousHash: 'up' }).create();

const describe = (text: string): BlockHeader | null => {
  try {
    return rules.describe(Buffer.from(text));
  } catch (error) {
    if (!isSyncError(error, 'BLOCK_MALFORMED')) throw error;
    return null;
  }
};

const compliance = chainRulesCompliance({
  rules,
  documents: [
    '{"n":0,"id":"a0","up":"none","data":[6.0]}',
    '{"id":"a1","up":"a0","n":"1","data":"😀"}',
    '{ "id":"a2", "up":"a1", "n":"0x2" }',
  ].map((text) => Buffer.from(text)),
});
for (const item of compliance) {
  test(`${item.id} ${item.title}`, async (t) => {
    await t.notThrowsAsync(item.run());
  });
}

test('The plugin registers rules that take hashes as labels', (t) => {
  const plugin = linked({ height: 'number', hash: 'hash', previousHash: 'parentHash' });
  t.is(plugin.name, 'linked');
  const created = plugin.create();
  t.is(created.id, 'linked:number,hash,parentHash');
  t.false(created.selfCertifying);
  t.is(created.genesisPreviousHash, null);
});

test('A height is an integer, a decimal string or a 0x string, in canonical form', (t) => {
  const heightOf = (value: string): number | null =>
    describe(`{"n":${value},"id":"a","up":"b"}`)?.height ?? null;
  const good: [string, number][] = [
    ['0', 0],
    ['12', 12],
    ['"0"', 0],
    ['"12"', 12],
    ['"0x0"', 0],
    ['"0x1f"', 31],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['"9007199254740991"', Number.MAX_SAFE_INTEGER],
    ['"0x1fffffffffffff"', Number.MAX_SAFE_INTEGER],
  ];
  for (const [value, height] of good) t.is(heightOf(value), height, value);
  const bad = [
    '-0',
    '-1',
    '1.0',
    '1e2',
    '9007199254740992',
    '"9007199254740992"',
    '"0x20000000000000"',
    '1e400',
    'null',
    'true',
    '[]',
    '{}',
  ];
  const badStrings = [
    '""',
    '"01"',
    '"0x"',
    '"0x01"',
    '"0x1F"',
    '"0X1"',
    '"1.0"',
    '"-1"',
    '" 1"',
    '"\\u0031"',
    '"1e2"',
    '"0x1\\u0030"',
    `"${'1'.repeat(1000)}"`,
  ];
  for (const value of [...bad, ...badStrings]) t.is(heightOf(value), null, value);
});

test('A hash is kept as it is spelled: visible ASCII, at most 256 bytes, without escapes', (t) => {
  const hashOf = (value: string): string | null => describe(`{"n":1,"id":${value},"up":"b"}`)?.hash ?? null;
  for (const text of ['a', '0xABcd', 'Qm+/=~!', 'x'.repeat(256)]) t.is(hashOf(`"${text}"`), text);
  const bad = [
    '""',
    `"${'x'.repeat(257)}"`,
    '"a b"',
    '"é"',
    '"\\u0061"',
    '"a\\n"',
    '"\\""',
    '1',
    'null',
    '["a"]',
    '{"id":"a"}',
  ];
  for (const value of bad) t.is(hashOf(value), null, value);
  t.is(describe('{"n":1,"id":"a","up":"\\u0062"}'), null);
  t.is(describe('{"n":1,"id":"a","up":""}'), null);
});

test('Each of the three members must be there once, in whatever spelling of its name', (t) => {
  for (const text of [
    '{"n":1,"id":"a"}',
    '{"n":1,"up":"a"}',
    '{"id":"a","up":"b"}',
    '{"x":{"n":1,"id":"a","up":"b"}}',
  ])
    t.is(describe(text), null);
  t.is(describe('{"\\u006e":1,"id":"a","u\\u0070":"b"}')?.height, 1);
  for (const again of ['"n":1', '"id":"a"', '"up":"b"', '"\\u006e":1'])
    t.is(describe(`{"n":1,"id":"a","up":"b",${again}}`), null);
  t.is(describe('{"n":1,"id":"a","up":"b","x":1,"x":2}')?.height, 1);
});

test('A full name is read back, and anything that is none is a mistake of the caller', (t) => {
  t.deepEqual(parseLinkedId('linked:number,hash,parentHash'), {
    height: 'number',
    hash: 'hash',
    previousHash: 'parentHash',
  });
  const bad = [
    '',
    'linked',
    'linked:',
    'linked:a,b',
    'linked:a,b,c,d',
    'linked:a,,c',
    'linked:a,b,a',
    'Linked:a,b,c',
    'linked:a, b,c',
    'linked:a,"b",c',
    `linked:a,b,${'c'.repeat(65)}`,
  ];
  for (const id of bad) t.throws(() => parseLinkedId(id), { instanceOf: TypeError }, id);
  t.throws(() => linked({ height: 'a,b', hash: 'c', previousHash: 'd' }), { instanceOf: TypeError });
  t.throws(() => linked({ height: 'a', hash: 'a', previousHash: 'd' }), { instanceOf: TypeError });
});

dataTest(
  '8192 blocks of a real chain are read as linked',
  'data/ethereum/eth-mainnet-0-8191.ndjson.gz',
  (t, file) => {
    const real = linked(parseLinkedId('linked:number,hash,parentHash')).create();
    const lines = gunzipSync(readFileSync(file)).toString().trimEnd().split('\n');
    let parent = '0x'.padEnd(66, '0');
    for (const [height, line] of lines.entries()) {
      const header = real.verify(Buffer.from(line), { height });
      if (header.previousHash !== parent) t.fail(`parent of ${height}`);
      parent = header.hash;
    }
    t.is(lines.length, 8192);
  },
);
