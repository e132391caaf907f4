import test from 'ava';
import fc from 'fast-check';
import { isSyncError } from '../../src/errors/index.js';
import { readRaw, scanDocument } from '../../src/internal/json/index.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Bytes that make or break JSON. */
const TELLING = Buffer.from(
  '{}[]:,"\\/ \t\n\rubtfnrsl0123456789abcdefDd8-+.eE\x00\x1f\x7f\x80\xbf\xc0\xc3\xe0\xed\xf0\xf4\xff',
  'latin1',
);

/** Decides by decoding and parsing, with the rules of a document on top; `null` for a refusal. */
function parseStrictly(bytes: Uint8Array): Record<string, unknown> | null {
  try {
    const text = decoder.decode(bytes);
    if (/[\r\n]/.test(text) || hasLoneSurrogate(text)) return null;
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject && depthOf(text) <= 64 ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function hasLoneSurrogate(text: string): boolean {
  const resolved = text.replace(/\\(?:u([0-9a-fA-F]{4})|.)/g, (_, hex: string | undefined) =>
    hex === undefined ? 'x' : String.fromCharCode(parseInt(hex, 16)),
  );
  return /\p{Surrogate}/u.test(resolved);
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const char of text.replace(/"(?:\\.|[^"\\])*"/g, '')) {
    if (char === '{' || char === '[') deepest = Math.max(deepest, ++depth);
    if (char === '}' || char === ']') depth--;
  }
  return deepest;
}

function scanned(bytes: Uint8Array): Record<string, string> | null {
  try {
    const { members } = scanDocument(bytes, { maxDepth: 64 });
    return Object.fromEntries(Array.from(members, ([name, span]) => [name, readRaw(bytes, span)]));
  } catch (error) {
    if (!isSyncError(error, 'BLOCK_MALFORMED')) throw error;
    return null;
  }
}

const documents = fc
  .tuple(
    fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ stringUnit: 'grapheme' })),
    fc.boolean(),
  )
  .map(([value, spaced]) => {
    const text = JSON.stringify(value, null, spaced ? 1 : 0).replaceAll('\n', ' ');
    return Buffer.from(
      spaced
        ? text.replace(/[^\x00-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
        : text,
    );
  });

const edits = fc.array(
  fc.record({
    at: fc.nat(),
    drop: fc.integer({ min: 0, max: 3 }),
    put: fc.array(fc.constantFrom(...TELLING), { maxLength: 3 }),
  }),
  { maxLength: 3 },
);

test('A document is accepted, and its members found, exactly where decoding and parsing strictly would', (t) => {
  fc.assert(
    fc.property(documents, edits, (document, changes) => {
      let bytes = document;
      for (const { at, drop, put } of changes) {
        const from = at % (bytes.length + 1);
        bytes = Buffer.concat([bytes.subarray(0, from), Buffer.of(...put), bytes.subarray(from + drop)]);
      }
      const expected = parseStrictly(bytes);
      const found = scanned(bytes);
      if (expected === null || found === null) {
        t.is(found, null, bytes.toString());
        t.is(expected, null, bytes.toString());
        return;
      }
      t.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort());
    }),
    { numRuns: 6000 },
  );
});

test('The raw values of a document without repeated names parse to its values', (t) => {
  fc.assert(
    fc.property(documents, (bytes) => {
      const found = Object.entries(scanned(bytes) ?? {}).map(([name, raw]) => [
        name,
        JSON.parse(raw) as unknown,
      ]);
      t.deepEqual(Object.fromEntries(found), parseStrictly(bytes));
    }),
    { numRuns: 2000 },
  );
});
