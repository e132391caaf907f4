import test from 'ava';
import fc from 'fast-check';
import { isSyncError } from '../../src/errors/index.js';
import { DocumentSplitter, type SplitForm } from '../../src/internal/json/index.js';

interface Split {
  readonly documents: string[];
  /** `null`: the body was whole. */
  readonly code: string | null;
  readonly message: string;
}

function split(chunks: readonly Uint8Array[], form: SplitForm = 'array', maxDocumentBytes = 1e6): Split {
  const splitter = new DocumentSplitter({ form, maxDocumentBytes, heightOf: (index) => 100 + index });
  const documents: string[] = [];
  try {
    for (const chunk of chunks) {
      splitter.push(chunk, (document) => documents.push(Buffer.from(document).toString()));
    }
    splitter.end();
    return { documents, code: null, message: '' };
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return { documents, code: error.code, message: error.message };
  }
}

const splitText = (text: string, form?: SplitForm): Split => split([Buffer.from(text)], form);

/** Cuts bytes at the given places. */
function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [
    0,
    ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b),
    bytes.length,
  ];
  return sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end));
}

const anyDocument = fc
  .dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }))
  .map((value) => JSON.stringify(value));
const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
const places = fc.array(fc.nat(), { maxLength: 20 });

test('an array of any documents comes out as it went in, however it is written and cut', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(space, anyDocument, space)), space, places, (parts, end, cuts) => {
      const inner = parts.map(([before, document, after]) => before + document + after).join(',');
      const body = Buffer.from(`[${inner}${end}]${end}`);
      const { documents, code } = split(cutAt(body, cuts));
      t.is(code, null);
      t.deepEqual(
        documents,
        parts.map(([, document]) => document),
      );
    }),
  );
});

test('lines of any documents come out as they went in, however they are cut', (t) => {
  fc.assert(
    fc.property(
      fc.array(anyDocument),
      fc.constantFrom('\n', '\r\n', '\n\n', ' \n'),
      places,
      (lines, end, cuts) => {
        const body = Buffer.from(lines.map((line) => line + end).join(''));
        const { documents, code } = split(cutAt(body, cuts), 'lines');
        t.is(code, null);
        t.deepEqual(documents, lines);
      },
    ),
  );
});

test('what is taken whole is JSON, unless a document itself is not', (t) => {
  const sample = '[{"a":[1,{"b":"\\"]}"}]} , {"c":null},{}]';
  fc.assert(
    fc.property(
      fc.nat(sample.length - 1),
      fc.constantFrom(...Array.from('[]{},:"\\ 1\n')),
      places,
      (at, char, cuts) => {
        const text = sample.slice(0, at) + char + sample.slice(at + 1);
        const { documents, code } = split(cutAt(Buffer.from(text), cuts));
        if (code !== null || !documents.every(isJson)) return;
        t.deepEqual(
          JSON.parse(text),
          documents.map((document) => JSON.parse(document) as unknown),
        );
      },
    ),
    { numRuns: 2000 },
  );
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test('the outcome does not depend on the cuts, for garbage either', (t) => {
  const piece = fc.constantFrom(
    '[',
    ']',
    '{',
    '}',
    ',',
    '"',
    '\\',
    '\n',
    ' ',
    'x',
    '{"a":1}',
    '\u00e9',
    '[{}',
  );
  fc.assert(
    fc.property(
      fc.array(piece).map((all) => `[${all.join('')}`),
      places,
      (text, cuts) => {
        t.deepEqual(split(cutAt(Buffer.from(text), cuts)), splitText(text));
      },
    ),
    { numRuns: 1000 },
  );
});

test('a body that is cut anywhere yields the whole documents before the cut and an error', (t) => {
  const documents = ['{"a":"}]\\\\"}', '{}', '{"b":[{"c":"\\""}]}'];
  const body = Buffer.from(`[${documents.join(', ')}]`);
  for (let length = 0; length < body.length; length++) {
    for (const chunks of [
      [body.subarray(0, length)],
      cutAt(body.subarray(0, length), [...Array(length).keys()]),
    ]) {
      const result = split(chunks);
      t.is(result.code, 'STREAM_TRUNCATED');
      t.deepEqual(result.documents, documents.slice(0, result.documents.length));
      const ends = documents.filter(
        (_document, i) => `[${documents.slice(0, i + 1).join(', ')}`.length <= length,
      );
      t.is(result.documents.length, ends.length);
    }
  }
  t.is(split([body]).code, null);
});

const refused: readonly [string, number][] = [
  [' []', 100],
  ['\ufeff[]', 100],
  ['{}', 100],
  ['null', 100],
  ['[null]', 100],
  ['["{}"]', 100],
  ['[[{}]]', 100],
  ['[{},]', 101],
  ['[,{}]', 100],
  ['[{}{}]', 101],
  ['[{}}', 101],
  ['[{]]', 100],
  ['[{}] x', 101],
  ['[{}],', 101],
  ['[{}][]', 101],
  ['[]]', 100],
  ['[{},{"a":\n1}]', 101],
  ['[{"a":"\n"}]', 100],
  ['[{"a":"\\\n"}]', 100],
  ['[{"a":"\u0001"}]', 100],
  [`[${'{"a":'.repeat(65)}1${'}'.repeat(65)}]`, 100],
];
for (const [text, height] of refused) {
  test(`${encodeURI(text.slice(0, 30))} is refused with the height of the place`, (t) => {
    const { code, message } = splitText(text);
    t.is(code, 'PROTOCOL_VIOLATION');
    t.true(message.includes(`block ${height}`), message);
  });
}

test('a document may be nested as deep as the protocol allows', (t) => {
  t.is(splitText(`[${'{"a":'.repeat(64)}1${'}'.repeat(64)}]`).code, null);
});

test('lines take one document each', (t) => {
  t.deepEqual(splitText('\n{"a":1}\n{}', 'lines'), { documents: ['{"a":1}', '{}'], code: null, message: '' });
  t.is(splitText('{}{}\n', 'lines').code, 'PROTOCOL_VIOLATION');
  t.is(splitText('{}\r{}\n', 'lines').code, 'PROTOCOL_VIOLATION');
  t.is(splitText('[{}]\n', 'lines').code, 'PROTOCOL_VIOLATION');
  t.is(splitText('{"a":\n', 'lines').code, 'PROTOCOL_VIOLATION');
  t.is(splitText('{"a":', 'lines').code, 'STREAM_TRUNCATED');
});

test('a document of exactly the limit is taken and one byte more is refused, however it is cut', (t) => {
  const body = Buffer.from('[{"a":1},{"a":12}]');
  for (const chunks of [[body], cutAt(body, [...body.keys()])]) {
    t.is(split(chunks, 'array', 8).code, null);
    const { code, message, documents } = split(chunks, 'array', 7);
    t.is(code, 'EVENT_TOO_LARGE');
    t.true(message.includes('101'));
    t.is(documents.length, 1);
  }
});

test('a document that lies in one chunk is a view of that chunk', (t) => {
  const chunk = new Uint8Array(Buffer.from('[{"a":1},{"b":2}]'));
  const splitter = new DocumentSplitter({ form: 'array', maxDocumentBytes: 100, heightOf: (index) => index });
  const found: Uint8Array[] = [];
  splitter.push(chunk, (document) => found.push(document));
  t.deepEqual(
    found.map(({ buffer }) => buffer === chunk.buffer),
    [true, true],
  );
});
