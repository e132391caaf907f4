import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { isSyncError } from '../../src/errors/index.js';
import { MAX_DEPTH, readRaw, scanDocument, scanObject } from '../../src/internal/json/index.js';
import { dataTest } from '../helpers/data-test.js';

// Most documents here are refused, and nobody looks at where.
Error.stackTraceLimit = 0;

const bytesOf = (text: string): Uint8Array => Buffer.from(text);

/** The refusal's message; `null` when the bytes are accepted. */
function refusal(bytes: Uint8Array): string | null {
  try {
    scanDocument(bytes, { maxDepth: MAX_DEPTH });
    return null;
  } catch (error) {
    if (!isSyncError(error, 'BLOCK_MALFORMED')) throw error;
    return error.message;
  }
}

function rawMembers(text: string, names?: readonly string[]): Record<string, string> {
  const bytes = bytesOf(text);
  const { members } = scanDocument(bytes, names === undefined ? { maxDepth: 64 } : { maxDepth: 64, names });
  return Object.fromEntries(Array.from(members, ([name, span]) => [name, readRaw(bytes, span)]));
}

test('The raw value of every top-level member is found, whatever the white space', (t) => {
  t.deepEqual(rawMembers(' {"a" :\t[1, {"a":2}] , "b":"x\\"}","c":-0.5e+7,"d":null,"e":{}} '), {
    a: '[1, {"a":2}]',
    b: '"x\\"}"',
    c: '-0.5e+7',
    d: 'null',
    e: '{}',
  });
  t.deepEqual(rawMembers('{}'), {});
  t.deepEqual(rawMembers('{ \t }'), {});
});

test('Names are compared with their escapes resolved', (t) => {
  t.deepEqual(rawMembers('{"\\u0068eight":1,"\\/\\b\\f\\n\\r\\t\\"\\\\":2,"\\ud83d\\ude00é":3}'), {
    height: '1',
    '/\b\f\n\r\t"\\': '2',
    '😀é': '3',
  });
});

test('Only wanted names are recorded when there is a list, in every spelling', (t) => {
  const wanted = ['height', 'é', '😀', 'a\nb', '', '__proto__'];
  const text =
    '{"x":0,"heigh":0,"heights":0,"\\u0068e":0,"\\u0068eigh\\u0074":1,"\\u00e9":2,"\\ud83d\\uDE00":3,"a\\nb":4,"":5,"__proto__":6}';
  const found = scanDocument(bytesOf(text), { maxDepth: 64, names: wanted });
  t.deepEqual([...found.members.keys()], ['height', 'é', '😀', 'a\nb', '', '__proto__']);
  t.deepEqual(
    [...found.members.values()].map((span) => readRaw(bytesOf(text), span)),
    ['1', '2', '3', '4', '5', '6'],
  );
  t.is(found.count, 10);
  t.deepEqual(Object.keys(rawMembers('{"é":1,"😀":2,"é́":3}', wanted)), ['é', '😀']);
});

test('A name that occurs again is reported with its place, and the first value counts', (t) => {
  const text = '{"height":1,"a":0,"\\u0068eight":2,"height":3}';
  for (const options of [{ maxDepth: 64 }, { maxDepth: 64, names: ['height'] }]) {
    const found = scanDocument(bytesOf(text), options);
    t.deepEqual([...found.duplicates], [['height', text.indexOf('"\\u0068')]]);
    t.deepEqual(found.members.get('height'), { start: 10, end: 11 });
  }
});

test('A refusal names the byte and what is wrong with it', (t) => {
  const cases: [string, string][] = [
    ['', 'nothing at byte 0'],
    ['  ', 'nothing at byte 2'],
    ['[1]', 'an object missing at byte 0'],
    ['\uFEFF{}', 'a byte order mark at byte 0'],
    ['{}\n', 'a raw line break at byte 2'],
    ['\n{}', 'a raw line break at byte 0'],
    ['{\n"a":1}', 'a raw line break at byte 1'],
    ['{"a":\r1}', 'a raw line break at byte 5'],
    ['{"a":[1\n]}', 'a raw line break at byte 7'],
    ['{"a":"\n"}', 'a raw control character inside a string at byte 6'],
    ['{"a":1}{"b":2}', 'more after the end of the object at byte 7'],
    ['{"a":1} x', 'the end of the object missing at byte 8'],
    ['{"a":{}', 'the end inside an object at byte 7'],
    ['{"a":[{}', 'the end inside an array or object at byte 8'],
    ['{"a":"}', 'the end inside a string at byte 7'],
    ['{"a":"\\ud800"}', 'an unpaired surrogate at byte 6'],
    ['{"a":"\\udc00"}', 'an unpaired surrogate at byte 6'],
    ['{"a":"\\ud800\\u0041"}', 'an unpaired surrogate at byte 6'],
    ['{"a":"\\x"}', 'an invalid escape at byte 6'],
    ['{"a":"\\u12g4"}', 'an invalid escape at byte 6'],
    ['{"a":1,}', 'a member name missing at byte 7'],
    ['{"a" 1}', 'a colon missing at byte 5'],
    ['{"a":[1,]}', 'a value missing at byte 8'],
    ['{"a":01}', 'a comma or a closing bracket missing at byte 6'],
    ['{"a":NaN}', 'a value missing at byte 5'],
    ['{"a":nul}', 'a value missing at byte 5'],
    ['{"a":-}', 'a value missing at byte 6'],
  ];
  for (const [text, what] of cases) {
    t.is(refusal(bytesOf(text)), `Not a valid block document: ${what}.`, JSON.stringify(text));
  }
});

test('Depth is counted with the document, bounded, and costs no call stack', (t) => {
  const nested = (levels: number): Uint8Array =>
    bytesOf(`{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`);
  t.is(refusal(nested(64)), null);
  t.is(refusal(nested(65)), 'Not a valid block document: too many nested arrays and objects at byte 68.');
  t.regex(refusal(nested(2_000_000)) ?? '', /too many/);
  const million = nested(1_000_000);
  t.notThrows(() => scanDocument(million, { maxDepth: 1_000_000 }));
  t.throws(() => scanDocument(bytesOf('{"a":[]}'), { maxDepth: 1 }));
  t.notThrows(() => scanDocument(bytesOf('{"a":1}'), { maxDepth: 1 }));
});

test('Every sequence of up to three bytes after a lead byte is taken or refused as a UTF-8 decoder does', (t) => {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const valid = (bytes: Uint8Array): boolean => {
    try {
      decoder.decode(bytes);
      return true;
    } catch {
      return false;
    }
  };
  const wrong: string[] = [];
  const edges = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xff].filter(
    (b) => b >= 0x20,
  );
  const tails = [[], ...edges.map((a) => [a]), ...edges.flatMap((a) => edges.map((b) => [a, b]))];
  const longer = edges.flatMap((a) => edges.flatMap((b) => edges.map((c) => [a, b, c])));
  for (let lead = 0x80; lead <= 0xff; lead++) {
    for (const tail of [...tails, ...longer]) {
      const bytes = Buffer.concat([Buffer.from('{"v":"'), Buffer.of(lead, ...tail), Buffer.from('"}')]);
      if ((refusal(bytes) === null) !== valid(bytes)) wrong.push(bytes.toString('hex'));
    }
  }
  t.deepEqual(wrong, []);
});

test('A special byte is noticed at every position of a string, also near the end of the document', (t) => {
  for (let before = 0; before < 20; before++) {
    for (let after = 0; after < 20; after++) {
      const around = (middle: string): Uint8Array =>
        Buffer.from(`{"v":"${'x'.repeat(before)}${middle}${'y'.repeat(after)}"}`, 'latin1');
      for (let byte = 0; byte < 256; byte++) {
        const plain = byte >= 0x20 && byte < 0x80 && byte !== 0x22 && byte !== 0x5c;
        if (plain !== (refusal(around(String.fromCharCode(byte))) === null) && byte !== 0x5c)
          t.fail(`${before} ${byte} ${after}`);
      }
      t.is(refusal(around('\\n')), null);
    }
  }
});

test('An object inside a document is found with offsets of the document', (t) => {
  const bytes = bytesOf('[{"a":1}, {"a": [2]} ]');
  const { members, span } = scanObject(bytes, { start: 9, end: 20 }, { maxDepth: 2 });
  t.deepEqual(span, { start: 10, end: 20 });
  t.deepEqual(members.get('a'), { start: 16, end: 19 });
});

interface Edge {
  readonly name: string;
  readonly json: string;
}

dataTest('Edge cases of the grammar are decided as listed', 'vectors/json-edge/json-edge.json', (t, file) => {
  const refused = [
    'lone-surrogate',
    'bom',
    'nan',
    'trailing-comma',
    'comment',
    'two-values',
    'array-top',
    'null-top',
    'string-top',
  ];
  const edges = JSON.parse(readFileSync(file, 'utf8')) as Edge[];
  t.true(edges.length >= 27);
  for (const { name, json } of edges) t.is(refusal(bytesOf(json)) !== null, refused.includes(name), name);
  for (const name of refused)
    t.true(
      edges.some((edge) => edge.name === name),
      name,
    );
});

/** What the suite leaves open. Sizes of numbers do not matter here, for no value is built; text must be well-formed. */
const OPEN: readonly (readonly [pattern: RegExp, accepted: boolean])[] = [
  [/^i_number_/, true],
  [/^i_object_key_lone_2nd_surrogate/, false],
  [/^i_string_/, false],
  [/^i_structure_500_nested_arrays/, false],
  [/^i_structure_UTF-8_BOM_empty_object/, false],
];

dataTest(
  'Every file of JSONTestSuite is decided rightly',
  'vectors/JSONTestSuite/test_parsing',
  (t, folder) => {
    const seen = { y: 0, n: 0, i: 0 };
    for (const name of readdirSync(folder)) {
      const bytes = readFileSync(join(folder, name));
      const wrapped = Buffer.concat([Buffer.from('{"v":'), bytes, Buffer.from('}')]);
      const lines = bytes.includes(0x0a) || bytes.includes(0x0d);
      const kind = name[0] as 'y' | 'n' | 'i';
      seen[kind]++;
      const open = OPEN.find(([pattern]) => pattern.test(name))?.[1];
      const accepted = kind === 'y' ? true : kind === 'n' ? false : open;
      t.not(accepted, undefined, name);
      t.is(refusal(wrapped) === null, accepted === true && !lines, name);
      const isObject = /^[ \t]*\{/.test(bytes.toString('latin1'));
      t.is(refusal(bytes) === null, accepted === true && isObject && !lines, `${name} by itself`);
    }
    t.deepEqual(seen, { y: 95, n: 188, i: 35 });
  },
);
