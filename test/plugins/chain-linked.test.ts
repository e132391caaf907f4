import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { linked, parseLinkedId, type TimestampUnit } from '../../plugins/chain-linked/index.js';
import type { BlockHeader } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { checkLink } from '../../src/internal/links.js';
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
  t.is(plugin.name, 'linked:number,hash,parentHash');
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
});

test('Each of the three members must be there once, in whatever spelling of its name', (t) => {
  for (const text of ['{"n":1,"up":"a"}', '{"id":"a","up":"b"}', '{"x":{"n":1,"id":"a","up":"b"}}'])
    t.is(describe(text), null);
  t.is(describe('{"\\u006e":1,"id":"a","u\\u0070":"b"}')?.height, 1);
  for (const again of ['"n":1', '"id":"a"', '"up":"b"', '"\\u006e":1'])
    t.is(describe(`{"n":1,"id":"a","up":"b",${again}}`), null);
  t.is(describe('{"n":1,"id":"a","up":"b","x":1,"x":2}')?.height, 1);
});

test('The parent of a first block may be missing, empty or null, and is that of no other block', (t) => {
  for (const parent of ['', ',"up":""', ',"up":null']) {
    const header = describe(`{"n":1,"id":"a"${parent}}`);
    t.is(header?.previousHash, '', parent);
    if (header === null) continue;
    t.notThrows(() => {
      checkLink(header, { head: null, base: 1 }, rules);
    });
    t.throws(
      () => {
        checkLink(header, { head: { height: 0, hash: 'z' }, base: 0 }, rules);
      },
      { code: 'PARENT_MISMATCH', message: /names no block as its parent/ },
    );
  }
});

test('A path with dots leads to a member of a member', (t) => {
  const options = parseLinkedId('linked:b.header.height,id.hash,b.header.last.hash,b.header.time,rfc3339');
  const deep = linked(options).create();
  t.is(deep.id, 'linked:b.header.height,id.hash,b.header.last.hash,b.header.time,rfc3339');
  const read = (text: string): BlockHeader => deep.verify(Buffer.from(text), null);
  const first = '{"id":{"hash":"A1"},"b":{"header":{"height":"1","last":{"hash":""},"time":"x"}}}';
  t.deepEqual(read(first), { height: 1, hash: 'A1', previousHash: '', timestamp: null });
  t.is(read(first.replace('{"hash":""}', 'null')).previousHash, '');
  const time = '2021-12-17T20:27:47.875954829Z';
  const second = `{"b":{"header":{"last":{"hash":"A1"},"x":[{"height":7}],"height":2,"time":"${time}"}},"id":{"hash":"A2"}}`;
  t.deepEqual(read(second), {
    height: 2,
    hash: 'A2',
    previousHash: 'A1',
    timestamp: Date.parse('2021-12-17T20:27:47.875Z'),
  });
  const bad: [string, RegExp][] = [
    [second.replace('"height":2', '"high":2'), /no member "b.header.height"/],
    [second.replace('{"hash":"A2"}', '"A2"'), /no object in "id"/],
    [second.replace('"height":2', '"height":2,"height":2'), /a second member "height"/],
    [second.replace('"b":{', '"b":{"header":{},'), /a second member "header"/],
    [second.replace('{', '{"id.hash":"A3",'), /both a path and a member "id.hash"/],
  ];
  for (const [text, message] of bad) t.throws(() => read(text), { code: 'BLOCK_MALFORMED', message }, text);
  t.is(read('{"b":{"header":{"height":3,"last":{"hash":"A2"}}},"id.hash":"A3"}').hash, 'A3');
});

test('A time is read in its unit, and what can not be read is none', (t) => {
  const timeOf = (unit: TimestampUnit, value: string): number | null =>
    linked({ height: 'n', hash: 'id', previousHash: 'up', timestamp: 't', timestampUnit: unit })
      .create()
      .describe(Buffer.from(`{"n":1,"id":"a","up":"b","t":${value}}`)).timestamp;
  t.is(timeOf('s', '1536027998'), 1536027998000);
  t.is(timeOf('s', '"0x5b8ded1e"'), 1536027934000);
  t.is(timeOf('ms', '1536027998682'), 1536027998682);
  t.is(timeOf('us', '1536027998682443'), 1536027998682);
  t.is(timeOf('ns', '"1536027998682443999"'), 1536027998682);
  t.is(timeOf('rfc3339', '"2021-12-17T20:27:47Z"'), 1639772867000);
  t.is(timeOf('rfc3339', '"2021-12-17T21:27:47.9+01:00"'), 1639772867900);
  for (const value of ['null', '"x"', '-1', '1.5', '{}', '1e9', `"${'9'.repeat(40)}"`])
    for (const unit of ['s', 'rfc3339'] as const) t.is(timeOf(unit, value), null, value);
  for (const id of ['linked:a,b,c,t', 'linked:a,b,c,t,m', 'linked:a,b,c,c,ms', 'linked:a,b,c,t,ms,x'])
    t.throws(() => parseLinkedId(id), { instanceOf: TypeError }, id);
  t.throws(() => linked({ height: 'a', hash: 'b', previousHash: 'c', timestamp: 'd' }), {
    instanceOf: TypeError,
  });
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
    'linked:a.,b,c',
    'linked:a,b..d,c',
    `linked:a,b,${'c.'.repeat(8)}c`,
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
