// Runs many schedules: `npm run soak -- [count] [seed] [--without KIND,…] [--control NAME] [--trace]`.
import { parseArgs } from 'node:util';
import { type Control, CONTROLS } from './controls.js';
import { FAULTS } from './faults.js';
import { LIES } from './kinds.js';
import { type Outcome, runSchedule, type ScheduleOptions } from './schedule.js';
import { Tally } from './tally.js';
import { GUARDS } from './terms.js';

const DEFAULT_COUNT = 1_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    without: { type: 'string', default: '' },
    control: { type: 'string', default: '' },
    trace: { type: 'boolean', default: false },
  },
});
const [count = DEFAULT_COUNT, seed = Date.now() % 2 ** 31] = positionals.map(Number);
const without = namesOf(values.without, [...FAULTS, ...LIES, ...GUARDS]);
const control = CONTROLS.find(({ name }) => name === values.control) ?? null;
const isUnknown = values.control !== '' && control === null;
if (!Number.isSafeInteger(count) || !Number.isSafeInteger(seed) || without === null || isUnknown) {
  console.error('usage: npm run soak -- [count] [seed] [--trace] [--without KIND,…] [--control NAME]');
  console.error(`kinds: ${[...FAULTS, ...LIES].join(' ')}`);
  console.error(`guards: ${GUARDS.join(' ')}`);
  console.error(`controls, clients that are broken: ${CONTROLS.map(({ name }) => name).join(' ')}`);
  process.exit(2);
}
const options = optionsOf(without, control);
const tally = new Tally();
for (let done = 0; done < count; done++) {
  const outcome = await runSchedule(seed + done, options);
  tally.add(outcome);
  if (outcome.failures.length > 0) report(outcome);
}
console.log(tally.text(seed));
process.exitCode = tally.failed > 0 ? 1 : 0;

function optionsOf(left: readonly string[], broken: Control | null): ScheduleOptions {
  return {
    faults: FAULTS.filter((kind) => !left.includes(kind)),
    lies: LIES.filter((kind) => !left.includes(kind)),
    guards: GUARDS.filter((guard) => !left.includes(guard)),
    ...broken?.options,
    ...(values.trace ? { trace: console.log } : {}),
  };
}

function report({ seed: failed, failures, liars }: Outcome): void {
  console.log(`seed ${failed} failed (liars: ${liars.map(({ kind }) => kind).join(' ') || 'none'}):`);
  for (const failure of failures) console.log(`  ${failure}`);
  const same = (['without', 'control'] as const)
    .filter((name) => values[name] !== '')
    .map((name) => ` --${name} ${values[name]}`);
  console.log(`  npm run soak -- 1 ${failed} --trace${same.join('')}`);
}

/** The names in a list; `null` when one is unknown. */
function namesOf(list: string, known: readonly string[]): readonly string[] | null {
  const names = list.split(',').filter((name) => name !== '');
  return names.every((name) => known.includes(name)) ? names : null;
}
