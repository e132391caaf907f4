import test from 'ava';
import fc from 'fast-check';
import { isModest } from '../../src/internal/json/index.js';
import { MAX_VALUES } from '../../src/internal/json/modest.js';
import { MAX_DEPTH } from '../../src/internal/json/scan.js';

const modest = (text: string): boolean => isModest(Buffer.from(text));
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

test('a document has at most so many values, and so many of them in each other', (t) => {
  t.true(modest(`[${'1,'.repeat(MAX_VALUES - 1)}1]`));
  t.false(modest(`[${'1,'.repeat(MAX_VALUES)}1]`));
  t.true(modest(nested(MAX_DEPTH)));
  t.false(modest(nested(MAX_DEPTH + 1)));
  t.true(modest(`[${`${nested(3)},`.repeat(MAX_VALUES / 5)}1]`));
});

test('what stands in strings does not count, however they are written', (t) => {
  const brackets = '[{,'.repeat(MAX_VALUES);
  t.true(modest(JSON.stringify({ [brackets]: brackets })));
  t.true(modest(JSON.stringify([`"${brackets}\\`, `\\"${brackets}"`])));
  t.false(modest(`["\\\\",${brackets}]`));
});

test('every small JSON value is modest, and half of one does no harm', (t) => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), fc.nat(), (text, at) => {
      t.true(modest(text));
      t.true(modest(text.slice(0, at % (text.length + 1))));
    }),
  );
});
