import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type Bar, barOf, barredFigures, kindOf, reaches, titleOfBar } from '../../bench/against/bars.js';
import { compare } from '../../bench/against/compare.js';
import { contestsOf } from '../../bench/against/contests.js';
import { documentsIn } from '../../bench/against/lines.js';
import { intervalOf, percentile } from '../../bench/against/statistics.js';
import { againstTable } from '../../bench/against/table.js';
import { pseudoRandom } from '../../bench/random.js';
import { findWorkload } from '../../bench/workloads.js';
import { tempDir } from '../helpers/temp-dir.js';

const ELEVEN = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

test('The interval of equal rounds is their value, and one seed gives one interval', (t) => {
  t.deepEqual(intervalOf([2, 2, 2], 7), { low: 2, high: 2 });
  t.deepEqual(intervalOf(ELEVEN, 7), intervalOf(ELEVEN.toReversed(), 7));
  const { low, high } = intervalOf(ELEVEN, 7);
  t.true(low >= 2 && low <= 4 && high >= 8 && high <= 10, `${low} to ${high}`);
});

test('About 95 of 100 intervals of eleven rounds hold the true median', (t) => {
  const random = pseudoRandom(0x5eed);
  const rounds = (): number[] => ELEVEN.map(() => random() / 2 ** 32);
  const held = Array.from({ length: 100 }, () => intervalOf(rounds(), 1)).filter(
    ({ low, high }) => low <= 0.5 && high >= 0.5,
  );
  t.true(held.length >= 88 && held.length <= 100, `${held.length}`);
});

test('A percentile is a value that was measured', (t) => {
  t.is(percentile([3, 1, 2], 50), 2);
  t.is(percentile(ELEVEN, 99), 11);
  t.is(percentile([], 50), Number.NaN);
});

test('A bar is reached when the better end of the interval is there', (t) => {
  const [least, most] = [barOf('small', 'tiles speed'), barOf('large', 'tiles wire')] as [Bar, Bar];
  t.deepEqual([titleOfBar(least), titleOfBar(most)], ['≥ 2×', '≤ 0.78×']);
  t.true(reaches({ low: 1.2, high: 2 }, least));
  t.false(reaches({ low: 1.2, high: 1.99 }, least));
  t.true(reaches({ low: 0.78, high: 3 }, most));
  t.false(reaches({ low: 0.79, high: 3 }, most));
  const [loop, rss] = [barOf('small', 'tiles loop'), barOf('small', 'tiles rss')] as [Bar, Bar];
  t.deepEqual([titleOfBar(loop), titleOfBar(rss)], ['≤ 15 ms', '≤ 140 MB']);
});

test('The documents of a file are its lines, wherever it is cut for reading', async (t) => {
  const file = join(tempDir(t), 'lines');
  const lines = Array.from({ length: 70 }, (_, index) => String(index % 10).repeat(97_000 + index));
  writeFileSync(file, `${lines.join('\n')}\n`);
  const read: string[] = [];
  for await (const document of documentsIn(file)) read.push(Buffer.from(document).toString());
  t.deepEqual(read, lines);
});

test('A version that is compared with itself has figures of all that it is asked for', async (t) => {
  const workload = findWorkload('sealed-900', 1100);
  if (workload === null) throw new Error('There is no such workload.');
  const isWanted = (contest: string): boolean => contest !== 'sync';
  const comparison = await compare(workload, { dir: process.cwd(), rounds: 1, seed: 1, isWanted });
  t.deepEqual(
    comparison.pairs.map(({ name, runs }) => [name, runs.length]),
    ['run', 'events', 'import', 'append', 'get'].map((name) => [name, 1]),
  );
  const rows = againstTable(comparison).split('\n').slice(2);
  t.is(rows.length, 13);
  t.deepEqual(
    rows.filter((row) => row.includes('NaN') || /\| +– \| +– \| +– \|/.test(row)),
    [],
  );
});

test('All bars stand in the table, beside the figures of their ways', (t) => {
  for (const name of ['sealed-900-400000', 'healthcare-8000', 'ethereum']) {
    const workload = findWorkload(name);
    if (workload === null) throw new Error('There is no such workload.');
    const side = { dist: '', store: '' };
    const arena = { before: side, after: side, chain: '', blocks: 1, file: '', copy: '', seed: 1 };
    const pairs = contestsOf(arena).flatMap(({ name: contest, after }) =>
      after.map((way) => ({ contest, name: way.name, title: way.title, blocks: 1, runs: [] })),
    );
    const table = againstTable({ workload, version: 'before', seed: 1, pairs });
    const barred = table.split('\n').filter((row) => /\| +(yes|no) \|$/.test(row));
    t.is(barred.length, barredFigures(kindOf(name)).length, name);
  }
});
