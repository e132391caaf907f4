import test from 'ava';
import { format, resolveConfig } from 'prettier';
import { replaced } from '../../bench/page.js';
import { figures, markdownTable, text } from '../../bench/table.js';
import { duration, megabytes, percent, times, whole } from '../../bench/units.js';

test('A table is written as the formatter of the project leaves it', async (t) => {
  const table = markdownTable(
    [text('way'), figures('blocks/s'), figures('x')],
    [
      ['`stream`, of plain’s', '1,234', '–'],
      ['ranges', '12', '1.50×'],
      ['not installed', ''],
    ],
  );
  const options = await resolveConfig(`${process.cwd()}/docs/benchmarks.md`);
  t.is(await format(table, { ...options, parser: 'markdown' }), `${table}\n`);
});

test('A page keeps all but what is between the marks of the name', (t) => {
  const page =
    'a\n<!-- one: begin -->\n\nold\n\n<!-- one: end -->\nb\n<!-- two: begin -->\n<!-- two: end -->\n';
  const next = replaced(replaced(page, 'two', 'second'), 'one', 'first');
  t.is(
    next,
    'a\n<!-- one: begin -->\n\nfirst\n\n<!-- one: end -->\nb\n<!-- two: begin -->\n\nsecond\n\n<!-- two: end -->\n',
  );
  t.throws(() => replaced(page, 'three', 'x'), { message: /no marks for three/ });
});

test('Figures are rounded to what they are good for', (t) => {
  t.is(whole(12_345.6), '12,346');
  t.deepEqual([976_400_000, 5_460_000, 140_000, null].map(megabytes), ['976 MB', '5.5 MB', '0.14 MB', '–']);
  t.deepEqual([2.345, 157, Number.NaN, null].map(times), ['2.35×', '157×', '–', '–']);
  t.deepEqual([0.374, null].map(percent), ['37 %', '–']);
  t.deepEqual([0.974, 12.34, 119.9, 785].map(duration), ['0.97 s', '12.3 s', '119.9 s', '13:05 min']);
});
