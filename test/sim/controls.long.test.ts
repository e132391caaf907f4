import test from 'ava';
import { CONTROLS } from './controls.js';
import { runSchedule } from './schedule.js';

/** A defect has to show within so many schedules. */
const MOST = 4;

// Time is virtual for the whole process while a schedule runs: one after the other.
for (const { name, title, options, expected } of CONTROLS)
  test.serial(`${title} is noticed`, async (t) => {
    const found: string[] = [];
    for (let seed = 1; seed <= MOST && !found.some((failure) => expected.test(failure)); seed++) {
      const { failures } = await runSchedule(seed, options);
      found.push(...failures);
    }
    t.log(`npm run soak -- ${MOST} 1 --control ${name}`);
    t.true(
      found.some((failure) => expected.test(failure)),
      found.join('\n'),
    );
  });

test.serial('the schedules that show defects show none in a client without one', async (t) => {
  const seen = new Set<string>();
  for (const { options } of CONTROLS) {
    const { faults, lies, guards, fixed = {} } = options;
    const key = JSON.stringify({ faults, lies, guards, fixed });
    if (seen.has(key)) continue;
    seen.add(key);
    t.deepEqual((await runSchedule(1, { faults, lies, guards, fixed })).failures, [], key);
  }
  t.true(seen.size >= 5);
});
