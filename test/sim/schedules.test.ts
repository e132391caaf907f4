import test from 'ava';
import { runSchedule } from './schedule.js';
import { Tally } from './tally.js';

const SCHEDULES = 12;
/** `BLOCKFERRY_SIM_SEED` runs the schedules of an earlier run again. */
const SEED = Number(process.env['BLOCKFERRY_SIM_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

// Time is virtual for the whole process while a schedule runs: one after the other.
test.serial('an engine that follows keeps its promises, whoever lies and whatever breaks', async (t) => {
  t.log(`seed ${SEED}; BLOCKFERRY_SIM_SEED=${SEED} runs the same schedules again`);
  const tally = new Tally();
  for (let seed = SEED; seed < SEED + SCHEDULES; seed++) {
    const outcome = await runSchedule(seed);
    t.deepEqual(outcome.failures, [], `seed ${seed}: npm run soak -- 1 ${seed} --trace`);
    tally.add(outcome);
  }
  t.log(tally.text(SEED));
  t.true(tally.virtualMs > SCHEDULES * 60_000);
  t.true(tally.faults > 10 * SCHEDULES);
});

test.serial('one seed always makes the same world', async (t) => {
  const traces: string[][] = [[], []];
  for (const trace of traces) await runSchedule(7, { trace: (line) => trace.push(line) });
  const [first = [], second = []] = traces;
  t.true(first.length > 100);
  t.deepEqual(first, second);
});
