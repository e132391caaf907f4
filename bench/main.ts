import { benchFollowers } from './followers.js';
import { BLOCKS, COMPLETE, RUNS, WAYS } from './options.js';
import { plot, rewrite, setting } from './page.js';
import { benchSlowConsumer } from './slow-consumer.js';
import { slowConsumerTable } from './slow-consumer-table.js';
import { benchSnapshot } from './snapshot.js';
import { snapshotTable } from './snapshot-table.js';
import { benchStream } from './stream.js';
import { streamCharts, streamTable } from './stream-table.js';
import { findWorkload, isAvailable, titleOf, type Workload } from './workloads.js';

/**
 * `npm run bench [-- NAME…]`: measures what is named, and rewrites its part of docs/benchmarks.md when all of it was
 * measured. Names are those of the workloads (`ethereum`, `sealed-900` and `healthcare` by default, `healthcare-10000`) and
 * of {@link OTHERS}; the last two of those take figures.
 */
const DEFAULT = ['ethereum', 'sealed-900', 'healthcare'];
const SLOW_BLOCKS = 60_000;

const OTHERS: Readonly<Record<string, (figures: readonly number[]) => Promise<void>>> = {
  snapshot,
  followers: ([followers = 1000, blocks = 200, clients = 1]) =>
    benchFollowers({ followers, blocks, clients }),
  'slow-consumer': async ([blocks = SLOW_BLOCKS]) => {
    console.log(slowConsumerTable(await benchSlowConsumer(blocks)));
  },
};

const given = process.argv.slice(2);
const numbers = given.filter((each) => /^[0-9]+$/.test(each)).map(Number);
const names = given.filter((each) => !/^[0-9]+$/.test(each));
for (const name of names.length === 0 ? DEFAULT : names) await measure(name);

async function measure(name: string): Promise<void> {
  const other = OTHERS[name];
  if (other !== undefined) {
    await other(numbers);
    return;
  }
  const workload = available(name);
  if (workload !== null) await stream(workload);
}

async function stream(workload: Workload): Promise<void> {
  console.log(`${titleOf(workload)}: rounds of each way: ${RUNS} …`);
  const result = await benchStream(workload, RUNS, ({ name }) => WAYS === null || WAYS.includes(name));
  const table = streamTable(result);
  console.log(table);
  if (!COMPLETE || result.ways.some(({ skipped }) => skipped !== null)) return;
  const plots = plot(workload.name, streamCharts(result, titleOf(workload)));
  rewrite(workload.name, [setting(RUNS), table, plots].join('\n\n'));
}

async function snapshot(): Promise<void> {
  const workload = available('healthcare-10000');
  if (workload === null) return;
  console.log(`Snapshot of ${titleOf(workload)}: rounds: ${RUNS} …`);
  const table = snapshotTable(await benchSnapshot(workload, RUNS));
  console.log(table);
  if (COMPLETE) rewrite('snapshot', `${setting(RUNS)} ${table}`);
}

function available(name: string): Workload | null {
  const workload = findWorkload(name, BLOCKS);
  if (workload === null) throw new TypeError(`There is nothing to measure by the name of ${name}.`);
  if (isAvailable(workload)) return workload;
  console.log(`${name}: left out, its input is not on this machine`);
  return null;
}
