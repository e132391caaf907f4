import test from 'ava';
import { READ_AHEAD, type RunAhead, RunsAhead } from '../../plugins/storage-leveldb/runs-ahead.js';
import type { FrameRun, Run } from '../../plugins/storage-leveldb/runs.js';

/** Runs of 10 blocks each, and how often they are read. */
class Records {
  readonly reads: number[] = [];
  readonly #runs = new Map<number, FrameRun>();

  run(first: number): Run {
    const known = this.#runs.get(first) ?? { kind: 'frames', blocks: [] };
    this.#runs.set(first, known);
    return known;
  }

  from(height: number): Promise<readonly RunAhead[]> {
    this.reads.push(height);
    const first = Math.ceil(height / 10) * 10;
    const firsts = Array.from({ length: READ_AHEAD }, (_each, at) => first + 10 * at);
    return Promise.resolve(firsts.map((each) => ({ first: each, open: () => this.run(each) })));
  }
}

test('runs that follow each other are read some at once, also for many who ask at the same time', async (t) => {
  const [ahead, records] = [new RunsAhead(), new Records()];
  const at = (height: number): Promise<Run | null> => ahead.at(height, () => records.from(height));
  const heights = Array.from({ length: 4 * READ_AHEAD }, (_each, index) => 10 * index);
  for (let from = 0; from < heights.length; from += 4) {
    const runs = await Promise.all(heights.slice(from, from + 4).map(at));
    t.deepEqual(
      runs.map((run) => run),
      heights.slice(from, from + 4).map((height) => records.run(height)),
    );
  }
  t.is(records.reads.length, 4);
});

test('a height at which no run begins has none', async (t) => {
  const [ahead, records] = [new RunsAhead(), new Records()];
  t.is(await ahead.at(5, () => records.from(5)), null);
  t.is(await ahead.at(10, () => records.from(10)), records.run(10));
});

test('nothing is kept of what was read while runs were replaced, nor of a read that failed', async (t) => {
  const [ahead, records] = [new RunsAhead(), new Records()];
  const old: RunAhead = { first: 0, open: () => ({ kind: 'frames', blocks: [] }) };
  const late = ahead.at(0, () => {
    ahead.forget();
    return Promise.resolve([old]);
  });
  t.is(await late, null);
  await t.throwsAsync(
    ahead.at(0, () => Promise.reject(new Error('disk'))),
    { message: 'disk' },
  );
  t.is(await ahead.at(0, () => records.from(0)), records.run(0));
  ahead.forget();
  t.is(await ahead.at(0, () => records.from(0)), records.run(0));
  t.is(records.reads.length, 2);
});

test('no more than a few are kept', async (t) => {
  const [ahead, records] = [new RunsAhead(), new Records()];
  const at = (height: number): Promise<Run | null> => ahead.at(height, () => records.from(height));
  for (let height = 0; height < 10 * 10 * READ_AHEAD; height += 10 * READ_AHEAD) await at(height);
  const before = records.reads.length;
  await at(0);
  t.is(records.reads.length, before + 1);
});
