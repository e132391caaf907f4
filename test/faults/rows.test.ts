import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { projectRoot } from '../helpers/shared.js';
import { lacking, PACKAGES } from './needs.js';
import { PAGE } from './page.js';
import { ROWS } from './rows/index.js';
import { statedOf } from './table.js';

/** Cells of the table of a page, without the formatter's spaces. */
function tableOf(page: string): readonly (readonly string[])[] {
  const lines = page.split('\n').filter((line) => line.startsWith('| `'));
  return lines.map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|')));
}

test('each row has a name of its own, says what is broken and what has to hold, and ends in time', (t) => {
  t.is(new Set(ROWS.map(({ name }) => name)).size, ROWS.length);
  for (const row of ROWS) {
    t.regex(row.name, /^[a-z]+(-[a-z]+)*$/);
    t.true(row.fault.length > 10 && row.bar.length > 10, row.name);
    t.true(row.limitSeconds <= 600, row.name);
  }
  t.deepEqual([...new Set(ROWS.map(({ group }) => group))], ['load', 'line', 'crash']);
});

test('a loss of power, kills, failing calls, a full disk, damage and slow readers have a control', (t) => {
  const controlled = ROWS.filter(({ control }) => control !== null).map(({ name }) => name);
  for (const name of [
    'power-loss',
    'kill',
    'kill-tiles',
    'failing-calls',
    'full-disk',
    'damaged-files',
    'slow-readers',
  ])
    t.true(controlled.includes(name), name);
});

test('the page has all rows, in this order, as they are', (t) => {
  const table = tableOf(readFileSync(PAGE, 'utf8'));
  t.deepEqual(
    table.map(([, name, fault, bar]) => [name, fault, bar]),
    ROWS.map((row) => [...statedOf(row)]),
  );
});

test('what a row needs is looked for, and a lack has a reason that names it', (t) => {
  for (const need of new Set(ROWS.flatMap(({ needs, control }) => [...needs, ...(control?.needs ?? [])]))) {
    const reason = lacking(need);
    t.true(reason === null || reason.length > 5, need);
    t.is(lacking(need), reason);
  }
});

test('what installs the tools for continuous integration knows the packages', (t) => {
  const script = readFileSync(join(projectRoot, '.ci', 'run'), 'utf8');
  const page = readFileSync(PAGE, 'utf8');
  for (const name of PACKAGES) {
    t.true(script.includes(name), name);
    t.true(page.includes(name), name);
  }
});
