// Runs many schedules: `npm run soak -- [count] [seed] [--without KIND,…]`.
import { parseArgs } from 'node:util';
import { type FaultKind, FAULTS } from './faults.js';
import { LIES, type LieKind } from './lies.js';
import { type Outcome, runSchedule } from './schedule.js';

const DEFAULT_COUNT = 1_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { without: { type: 'string', default: '' }, trace: { type: 'boolean', default: false } },
});
const [count = DEFAULT_COUNT, seed = Date.now() % 2 ** 31] = positionals.map(Number);
const without = values.without.split(',').filter((kind) => kind !== '');
const known: readonly string[] = [...FAULTS, ...LIES];
const unknown = without.filter((kind) => !known.includes(kind));
if (!Number.isSafeInteger(count) || !Number.isSafeInteger(seed) || unknown.length > 0) {
  console.error('usage: npm run soak -- [count] [seed] [--trace] [--without KIND,…]');
  console.error(`kinds: ${known.join(' ')}`);
  process.exit(2);
}

const faults = FAULTS.filter((kind: FaultKind) => !without.includes(kind));
const lies = LIES.filter((kind: LieKind) => !without.includes(kind));
const outcomes: Outcome[] = [];
const started = performance.now();
for (let done = 0; done < count; done++) {
  const trace = values.trace ? { trace: console.log } : {};
  const outcome = await runSchedule(seed + done, { faults, lies, ...trace });
  outcomes.push(outcome);
  if (outcome.failures.length > 0) report(outcome);
}

function report({ seed: failed, failures, liars }: Outcome): void {
  console.log(`seed ${failed} failed (liars: ${liars.join(' ') || 'none'}):`);
  for (const failure of failures) console.log(`  ${failure}`);
  const same = without.length === 0 ? '' : ` --without ${without.join(',')}`;
  console.log(`  npm run soak -- 1 ${failed} --trace${same}`);
}

const sum = (value: (outcome: Outcome) => number): number =>
  outcomes.reduce((total, outcome) => total + value(outcome), 0);
const failed = outcomes.filter(({ failures }) => failures.length > 0).length;
console.log(`${outcomes.length} schedules from seed ${seed} in ${seconds(performance.now() - started)}:
  ${(sum(({ virtualMs }) => virtualMs) / 3_600_000).toFixed(1)} virtual hours
  ${sum((outcome) => outcome.faults)} faults
  ${sum(({ blocks }) => blocks)} blocks taken
  ${sum(({ rollbacks }) => rollbacks)} rollbacks of the source, ${sum(({ followed }) => followed)} told of
  ${sum(({ cuts }) => cuts)} cuts
  ${sum(({ restarts }) => restarts)} restarts of the client
  ${sum(({ liars }) => liars.length)} liars
  ${failed} failures`);
process.exitCode = failed > 0 ? 1 : 0;

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
