import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import { Missed, must, type Row } from './row.js';
import { type Result, runRow, scaleOf } from './runner.js';
import type { Site } from './site.js';
import { headLines, lineOf, linesOf, summaryOf } from './table.js';

const plain: Row = {
  name: 'plain',
  group: 'crash',
  fault: 'nothing | much',
  bar: 'it stands',
  needs: [],
  inSlice: true,
  limitSeconds: 30,
  run: () => Promise.resolve(['1 of 1']),
  control: null,
};

const run = (row: Row, lacking: (need: string) => string | null = () => null): Promise<Result> =>
  runRow(row, { scale: scaleOf(true), lacking, untilMs: Infinity, sites: new Set() });

test('a row that holds has its figures, one that misses its bar has the reason', async (t) => {
  t.like(await run(plain), { outcome: 'held', figures: ['1 of 1'], control: null, reason: null });
  const missed = await run({ ...plain, run: () => Promise.reject(new Missed('one was lost')) });
  t.like(missed, { outcome: 'missed', reason: 'one was lost' });
  const broken = await run({ ...plain, run: () => Promise.reject(new RangeError('no such thing')) });
  t.like(broken, { outcome: 'missed', reason: 'RangeError: no such thing' });
});

test('a row that lacks something is skipped with the reason, and is not begun', async (t) => {
  let isBegun = false;
  const row: Row = {
    ...plain,
    needs: ['root', 'strace'],
    run: () => {
      isBegun = true;
      return Promise.resolve([]);
    },
  };
  const result = await run(row, (need) => (need === 'strace' ? 'strace is missing' : null));
  t.like(result, { outcome: 'skipped', reason: 'strace is missing' });
  t.false(isBegun);
  t.regex(linesOf(result), /^SKIPPED plain .*\n +reason +strace is missing$/);
});

test('no row is begun once the time of a slice is over', async (t) => {
  const result = await runRow(plain, {
    scale: scaleOf(true),
    lacking: () => null,
    untilMs: performance.now() - 1,
    sites: new Set(),
  });
  t.like(result, { outcome: 'skipped', reason: 'the time of the slice was over' });
});

test('a control has to be caught by the checks: a row whose control passes, or fails in another way, is missed', async (t) => {
  const withControl = (control: () => Promise<unknown>): Row => ({
    ...plain,
    control: { broken: 'a store that forgets', needs: [], run: control },
  });
  const caught = await run(withControl(() => Promise.reject(new Missed('block 7 is missing'))));
  t.like(caught, { outcome: 'held', control: 'caught: block 7 is missing' });
  const passed = await run(withControl(() => Promise.resolve()));
  t.like(passed, { outcome: 'missed', reason: 'the control was not caught: a store that forgets' });
  const failed = await run(withControl(() => Promise.reject(new Error('no port'))));
  t.like(failed, { outcome: 'missed', reason: 'the control failed by itself: Error: no port' });
});

test('a control that lacks something is told as not run', async (t) => {
  const control: Row['control'] = { broken: 'fsync', needs: ['libeatmydata'], run: () => Promise.resolve() };
  const result = await run({ ...plain, control }, (need) =>
    need === 'libeatmydata' ? 'it is missing' : null,
  );
  t.like(result, { outcome: 'held', control: 'not run: it is missing' });
});

test('what a row set up is undone in reverse order, also when it fails, and a step that fails is told', async (t) => {
  const undone: string[] = [];
  let dir = '';
  let pid: number | undefined;
  const setUp = (site: Site): void => {
    ({ dir } = site);
    site.defer(() => undone.push('namespace'));
    pid = site.spawn([process.execPath, '-e', 'setInterval(() => {}, 1000)']).child.pid;
    site.defer(() => undone.push('mount'));
  };
  await run({
    ...plain,
    run: (site) => {
      setUp(site);
      return Promise.reject(new Missed('lost'));
    },
  });
  t.deepEqual(undone, ['mount', 'namespace']);
  t.false(existsSync(dir));
  t.throws(() => process.kill(pid ?? 0, 0), { code: 'ESRCH' });

  const stuck = await run({
    ...plain,
    run: (site) => {
      site.defer(() => {
        throw new Error('target is busy');
      });
      setUp(site);
      return Promise.resolve([]);
    },
  });
  t.is(stuck.outcome, 'missed');
  t.regex(stuck.reason ?? '', /not cleaned up: Error: target is busy/);
  t.false(existsSync(dir));
});

test('an interrupted run leaves nothing behind, and ends with 130', async (t) => {
  const folder = tempDir(t);
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const child = spawn(process.execPath, [main, '--slice', 'kill'], {
    env: { ...process.env, TMPDIR: folder },
    stdio: 'ignore',
  });
  t.teardown(() => child.kill('SIGKILL'));
  const closed = once(child, 'close');
  await until(() => readdirSync(folder).some((name) => existsSync(join(folder, name, 'node.journal'))));
  child.kill('SIGINT');
  t.deepEqual(await closed, [130, null]);
  t.deepEqual(readdirSync(folder), []);
});

test('a row that takes longer than its limit is ended, cleaned up and missed', async (t) => {
  let dir = '';
  const late = await run({
    ...plain,
    limitSeconds: 0.05,
    run: async (site) => {
      ({ dir } = site);
      await delay(60_000, undefined, { ref: false });
      return [];
    },
  });
  t.like(late, { outcome: 'missed', reason: 'Error: it took longer than its limit' });
  t.false(existsSync(dir));
});

test('the table has each row, and its last line counts', async (t) => {
  const results = [
    await run(plain),
    await run({ ...plain, name: 'lost', run: () => Promise.reject(new Missed('x')) }),
  ];
  const [held = '', missed = ''] = results.map(lineOf);
  t.true(held.startsWith('| `plain` | nothing \\| much | it stands | 1 of 1 |'));
  t.true(missed.includes('missed: x'));
  t.is(headLines().length, 2);
  t.regex(summaryOf(results), /^2 rows: 1 held, 1 missed, 0 skipped; 0 of 0 controls caught$/);
  t.throws(
    () => {
      must(false, 'it does not hold');
    },
    { instanceOf: Missed },
  );
});
