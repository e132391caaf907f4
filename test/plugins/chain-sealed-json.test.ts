import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { seal, SEALED_JSON_GENESIS, sealedJson } from '../../plugins/chain-sealed-json/index.js';
import type { ErrorCode } from '../../src/errors/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { chainRulesCompliance } from '../../src/testing/compliance/chain-rules.js';
import { dataTest } from '../helpers/data-test.js';

const rules = sealedJson().create();
const parent = 'ab'.repeat(32);

const codeOf = (run: () => unknown): ErrorCode | null => {
  try {
    run();
    return null;
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return error.code;
  }
};

/** Makes a document the long way round, as another language would: `sha256("{" + doc.slice(75))`. */
function sealByHand(rest: string): Buffer {
  const hash = createHash('sha256').update(`{${rest}`).digest('hex');
  return Buffer.from(`{"hash":"${hash}",${rest}`);
}

function chain(payloads: readonly string[]): Uint8Array[] {
  let previousHash = SEALED_JSON_GENESIS;
  return payloads.map((payload, height) => {
    const { document, hash } = seal(Buffer.from(payload), { height, previousHash });
    previousHash = hash;
    return document;
  });
}

const compliance = chainRulesCompliance({
  rules,
  documents: chain([
    '{"timestamp":1700000000000,"records":[{"v":6.0,"é":"\\u00e9😀"}]}',
    '{"records":[1,2,3],"note":"another one"}',
    '{"timestamp":1700000000001,"transactions":[]}',
  ]),
});
for (const item of compliance) {
  test(`${item.id} ${item.title}`, async (t) => {
    await t.notThrowsAsync(item.run());
  });
}

test('The plugin registers rules that certify hashes and start with 64 zeros', (t) => {
  const plugin = sealedJson();
  t.is(plugin.kind, 'chain');
  t.is(plugin.name, 'sealed-json');
  t.is(rules.id, 'sealed-json');
  t.true(rules.selfCertifying);
  t.is(rules.genesisPreviousHash, '0'.repeat(64));
});

test('A document has the form and the hash of the protocol', (t) => {
  const { document, hash } = seal(Buffer.from(' \r\n{ "records" : [6.0] }\n'), {
    height: 7,
    previousHash: parent,
  });
  const rest = `"height":7,"previousHash":"${parent}", "records" : [6.0] }`;
  t.is(Buffer.from(document).toString(), sealByHand(rest).toString());
  t.is(
    hash,
    createHash('sha256')
      .update(`{${Buffer.from(document).toString().slice(75)}`)
      .digest('hex'),
  );
  t.deepEqual(rules.verify(document, { height: 7, hash }), {
    height: 7,
    hash,
    previousHash: parent,
    timestamp: null,
  });
});

test('An empty payload makes a document of the three members only', (t) => {
  for (const payload of ['{}', '{ \t }']) {
    const { document, hash } = seal(Buffer.from(payload), { height: 1, previousHash: parent });
    t.is(Buffer.from(document).toString(), `{"hash":"${hash}","height":1,"previousHash":"${parent}"}`);
    t.is(rules.verify(document, null).hash, hash);
  }
});

test('The greatest height is 2^53-1', (t) => {
  const height = Number.MAX_SAFE_INTEGER;
  t.is(rules.verify(seal(Buffer.from('{}'), { height, previousHash: parent }).document, null).height, height);
  t.is(
    codeOf(() => rules.verify(sealByHand(`"height":9007199254740992,"previousHash":"${parent}"}`), null)),
    'BLOCK_MALFORMED',
  );
});

test('A record with a name of the block goes in as the member `record`, byte for byte, and others do not', (t) => {
  const place = { height: 1, previousHash: parent };
  const restOf = (payload: string, isSigned = false): string => {
    const text = Buffer.from(seal(Buffer.from(payload), place).document).toString();
    rules.verify(Buffer.from(text), { height: 1 });
    return isSigned ? text : text.slice(text.indexOf(parent) + parent.length + 1);
  };
  const wrapped = [
    '{"hash":1}',
    '{"a":1,"height":1.0}',
    '{"previousHash":1}',
    '{"\\u0068ash":1}',
    '{"previous\\u0048ash":1}',
    // So that a block has a member `record` only where that is the record.
    '{ "record" : {"a":1} }',
  ];
  for (const payload of wrapped) t.is(restOf(` ${payload}\n`), `,"record":${payload}}`);
  for (const payload of ['{"Height":1}', '{"a":{"height":1,"record":2}}', '{"producer":"p","signature":"s"}'])
    t.is(restOf(payload), `,${payload.slice(1)}`);
});

test('`wrap` puts each record in as a member of that name', (t) => {
  const place = { height: 1, previousHash: parent };
  const wrap = 'a "b"';
  const { document } = seal(Buffer.from('{}'), place, { wrap });
  t.true(Buffer.from(document).toString().endsWith(',"a \\"b\\"":{}}'));
  t.deepEqual((JSON.parse(Buffer.from(document).toString()) as Record<string, unknown>)[wrap], {});
  for (const name of ['hash', 'height', 'previousHash', 'producer', 'signature'])
    t.throws(() => seal(Buffer.from('{}'), place, { wrap: name }), {
      instanceOf: TypeError,
      message: /wrap/,
    });
  const deep = `${'{"a":'.repeat(62)}{}${'}'.repeat(62)}`;
  t.notThrows(() => rules.verify(seal(Buffer.from(deep), place, { wrap }).document, null));
  const deeper = Buffer.from(`{"a":${deep}}`);
  t.notThrows(() => seal(deeper, place));
  t.is(
    codeOf(() => seal(deeper, place, { wrap })),
    'BLOCK_MALFORMED',
  );
});

test('A payload that can not go into a block is refused', (t) => {
  const place = { height: 1, previousHash: parent };
  const refused = [
    '',
    ' ',
    '[]',
    'null',
    '1',
    '{',
    '{"a":1}}',
    '{"a":1}{}',
    '{"a":\n1}',
    '{"a":"\n"}',
    '{\r}',
    '\uFEFF{}',
  ];
  for (const payload of refused) {
    t.is(
      codeOf(() => seal(Buffer.from(payload), place)),
      'BLOCK_MALFORMED',
      payload,
    );
  }
  t.is(
    codeOf(() => seal(Buffer.from('{"a":"\xff"}', 'latin1'), place)),
    'BLOCK_MALFORMED',
  );
  t.is(
    codeOf(() => seal(Buffer.from('{"a":{"hash":1,"height":[]},"Hash":2}'), place)),
    null,
  );
});

test('A place that is none is a mistake of the caller', (t) => {
  const payload = Buffer.from('{}');
  for (const height of [-1, 0.5, NaN, 2 ** 53])
    t.throws(() => seal(payload, { height, previousHash: parent }), { instanceOf: TypeError });
  for (const previousHash of ['', 'AB'.repeat(32), `0x${parent}`, `${parent}\n`]) {
    t.throws(() => seal(payload, { height: 1, previousHash }), { instanceOf: TypeError });
  }
  t.throws(() => seal(payload, { height: 0, previousHash: parent }), { instanceOf: TypeError });
  t.throws(() => seal(payload, { height: 1, previousHash: SEALED_JSON_GENESIS }), { instanceOf: TypeError });
});

test('Any other spelling of the start is refused, also with a hash that fits it', (t) => {
  const p = `"previousHash":"${parent}"`;
  const starts = [
    `"height": 1,${p}}`,
    `"height":01,${p}}`,
    `"height":1.0,${p}}`,
    `"height":1e0,${p}}`,
    `"height":-0,${p}}`,
    `"height":"1",${p}}`,
    `"height":null,${p}}`,
    `"height":1, ${p}}`,
    `"height":1,${p} }`,
    `"height":1,${p} ,"a":1}`,
    `"height":1,${p},}`,
    `"height":1,"previousHash":"${parent.toUpperCase()}"}`,
    `"height":1,"previousHash":"${parent.slice(1)}"}`,
    `"height":1,"previousHash":null}`,
    `"\\u0068eight":1,${p}}`,
    `${p},"height":1}`,
    `"height":1}`,
  ];
  for (const rest of starts)
    t.is(
      codeOf(() => rules.verify(sealByHand(rest), null)),
      'BLOCK_MALFORMED',
      rest,
    );
  t.is(
    codeOf(() => rules.verify(sealByHand(`"height":1,${p}}`), null)),
    null,
  );
  const upper = sealByHand(`"height":1,${p}}`)
    .toString()
    .replace(/^\{"hash":"[^"]*/, (hash) => hash.toUpperCase().replace('HASH', 'hash'));
  t.is(
    codeOf(() => rules.describe(Buffer.from(upper))),
    'BLOCK_MALFORMED',
  );
});

test('The three names must not occur again, in any spelling; below the top level they may', (t) => {
  const start = `"height":1,"previousHash":"${parent}"`;
  for (const name of ['hash', 'height', 'previousHash', '\\u0068ash', 'heigh\\u0074', 'previous\\u0048ash']) {
    const again = sealByHand(`${start},"a":1,"${name}":1}`);
    t.is(
      codeOf(() => rules.verify(again, null)),
      'BLOCK_MALFORMED',
      name,
    );
    t.is(
      codeOf(() => rules.verify(sealByHand(`${start},"a":{"${name}":1}}`), null)),
      null,
      name,
    );
  }
  t.is(
    codeOf(() => rules.verify(sealByHand(`${start},"a":1,"a":2}`), null)),
    null,
  );
});

test('The timestamp is a plain integer at the top level, or there is none', (t) => {
  const at = (members: string): number | null =>
    rules.describe(seal(Buffer.from(`{${members}}`), { height: 1, previousHash: parent }).document).timestamp;
  t.is(at('"timestamp":1700000000000'), 1700000000000);
  t.is(at('"timestamp":0'), 0);
  t.is(at('"timestamp":-1'), -1);
  t.is(at('"a":1 , "timesta\\u006dp" : 5 '), 5);
  const none = ['1.0', '1e3', '-0', '"5"', 'null', '[5]', '9007199254740993', '99999999999999999999'];
  for (const value of none) t.is(at(`"timestamp":${value}`), null, value);
  t.is(at('"timestamp":1,"timestamp":2'), null);
  t.is(at('"a":{"timestamp":1}'), null);
});

test('A document whose bytes and hash differ is refused with HASH_MISMATCH and described all the same', (t) => {
  const { document, hash } = seal(Buffer.from('{"records":["one"]}'), { height: 3, previousHash: parent });
  const altered = Buffer.from(Buffer.from(document).toString().replace('one', 'two'));
  t.is(rules.describe(altered).hash, hash);
  const error = t.throws(() => rules.verify(altered, { height: 3, hash }));
  t.true(isSyncError(error, 'HASH_MISMATCH'));
  t.is(isSyncError(error) ? error.context.height : null, 3);
});

test('Any payload goes in byte for byte', (t) => {
  const names = fc
    .string({ unit: 'grapheme' })
    .filter((name) => !['hash', 'height', 'previousHash'].includes(name));
  fc.assert(
    fc.property(fc.dictionary(names, fc.jsonValue()), fc.maxSafeNat(), (value, height) => {
      const payload = Buffer.from(JSON.stringify(value));
      const previousHash = height === 0 ? SEALED_JSON_GENESIS : parent;
      const { document, hash } = seal(payload, { height, previousHash });
      t.true(
        Buffer.from(document)
          .subarray(1 - payload.length)
          .equals(payload.subarray(1)),
      );
      t.is(rules.verify(document, { height, hash }).previousHash, previousHash);
    }),
    { numRuns: 500 },
  );
});

const reserved = (line: string): boolean =>
  Object.keys(JSON.parse(line) as object).some((name) => ['hash', 'height', 'previousHash'].includes(name));

for (const [path, count] of [
  ['data/healthcare/hl7-fhir-r4-examples-clinical.ndjson.gz', 683],
  ['data/healthcare/synthea-stu3-80kb-120kb.ndjson.gz', 423],
] as const) {
  dataTest(`${count} records are sealed and verified byte for byte: ${path}`, path, (t, file) => {
    const lines = gunzipSync(readFileSync(file)).toString('latin1').trimEnd().split('\n');
    t.is(lines.length, count);
    let previousHash = SEALED_JSON_GENESIS;
    for (const [height, line] of lines.entries()) {
      const wrap = height % 2 === 1 || reserved(line);
      const payload = Buffer.from(wrap ? `{"records":[${line}]}` : line, 'latin1');
      const { document, hash } = seal(payload, { height, previousHash });
      const text = Buffer.from(document).toString('latin1');
      const start = `{"hash":"${hash}","height":${height},"previousHash":"${previousHash}",`;
      if (text !== start + payload.toString('latin1').slice(1)) t.fail(`record ${height} was altered`);
      if (
        createHash('sha256')
          .update(`{${text.slice(75)}`, 'latin1')
          .digest('hex') !== hash
      )
        t.fail(`hash ${height}`);
      const header = rules.verify(document, { height, hash });
      t.is(header.previousHash, previousHash);
      previousHash = hash;
    }
  });
}

const inLines = (documents: readonly Uint8Array[]): Buffer =>
  Buffer.concat(documents.flatMap((document) => [document, Buffer.from('\n')]));

test('Many documents are verified at once, as they are one by one', (t) => {
  const documents = chain(
    Array.from({ length: 300 }, (_, at) => `{"timestamp":${at},"records":[${'"é",'.repeat(at)}${at}]}`),
  );
  for (const some of [documents, documents.slice(7, 8), documents.slice(90, 200), []]) {
    t.deepEqual(rules.verifyRun?.(inLines(some)), {
      headers: some.map((document) => rules.verify(document, null)),
      documentLengths: some.map(({ length }) => length),
    });
  }
});

test('Documents are left to be verified one by one when any is wrong or unusual', (t) => {
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = chain(['{"a":1}', '{"a":2}']);
  const rest = `"height":1,"previousHash":"${parent}"`;
  const refused = [
    Buffer.from(Buffer.from(second).toString().replace('"a":2', '"a":3')),
    sealByHand(`${rest},"hash":1}`),
    sealByHand(`${rest},"\\u0068ash":1}`),
    sealByHand(`${rest}, "a":01}`),
    sealByHand(`"height":01,"previousHash":"${parent}"}`),
    sealByHand(`"height":1,"previousHash":"${parent.toUpperCase()}"}`),
    sealByHand(`"height":1,"previousHash":"${parent}" }`),
    Buffer.concat([second, Buffer.from(' ')]),
    Buffer.concat([second, Buffer.from('\n')]),
    Buffer.from('{}'),
  ];
  for (const document of refused) {
    t.throws(() => rules.verify(document.subarray(0, document.length), null), undefined, document.toString());
    for (const documents of [[document], [first, document], [document, second], [first, document, second]])
      t.is(rules.verifyRun?.(inLines(documents)), null, document.toString());
  }
  const many = Array.from({ length: 300 }, (_, at) => `"m${at}":${at}`).join();
  const unusual = [
    sealByHand(`${rest},"timestamp":1,"timestamp":1}`),
    sealByHand(`${rest},${many}}`),
    sealByHand(`${rest},"long":"${'x'.repeat(4 * 1024 * 1024)}"}`),
  ];
  for (const document of unusual) {
    t.notThrows(() => rules.verify(document, null));
    t.is(rules.verifyRun?.(inLines([document])), null);
  }
  t.is(rules.verifyRun?.(Buffer.concat([inLines([first]), second])), null);
});

dataTest(
  'Real documents are verified at once, as they are one by one',
  'data/healthcare/hl7-fhir-r4-examples-clinical.ndjson.gz',
  (t, file) => {
    const records = gunzipSync(readFileSync(file)).toString().trimEnd().split('\n');
    const documents = chain(records.map((record) => `{"records":[${record}]}`));
    t.deepEqual(rules.verifyRun?.(inLines(documents)), {
      headers: documents.map((document) => rules.verify(document, null)),
      documentLengths: documents.map(({ length }) => length),
    });
  },
);
