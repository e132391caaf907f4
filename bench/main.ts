import { compare } from './against/compare.js';
import { againstTable } from './against/table.js';
import { benchClients } from './clients.js';
import { clientsCharts, clientsTable } from './clients-table.js';
import { benchCodecs } from './codecs.js';
import { codecsTable } from './codecs-table.js';
import { benchFollowers } from './followers.js';
import { importTable } from './import.js';
import { benchLine } from './line.js';
import { lineChart, lineTable } from './line-table.js';
import { benchMemory } from './memory.js';
import { memoryTable } from './memory-table.js';
import { benchMetrics, metricsTable } from './metrics.js';
import { lineUnavailable } from './network.js';
import { AGAINST, BLOCKS, COMPLETE, RUNS, SEED, WAYS } from './options.js';
import { plot, rewrite, setting } from './page.js';
import { benchPostgres } from './postgres.js';
import { postgresTable } from './postgres-table.js';
import { benchProduce } from './produce.js';
import { benchSlowConsumer } from './slow-consumer.js';
import { slowConsumerTable } from './slow-consumer-table.js';
import { benchSnapshot } from './snapshot.js';
import { snapshotTable } from './snapshot-table.js';
import { benchStream } from './stream.js';
import { streamCharts, streamTables } from './stream-table.js';
import type { Way } from './ways.js';
import { findWorkload, isAvailable, titleOf, type Workload } from './workloads.js';

/**
 * `npm run bench [-- NAME…]`: measures what is named, and rewrites its part of docs/benchmarks.md when all of it was
 * measured. Names are those of the workloads (`ethereum`, `sealed-900` and `healthcare` by default; longer chains are
 * `sealed-900-400000`, `healthcare-8000`, `healthcare-10000`) and of {@link OTHERS}, some of which take figures. With `BENCH_AGAINST`
 * workloads are compared with another version on them.
 */
const DEFAULT =
  AGAINST === null
    ? ['ethereum', 'sealed-900', 'healthcare']
    : ['sealed-900-400000', 'healthcare-8000', 'ethereum'];
const CODEC_WORKLOADS = ['ethereum', 'sealed-900', 'healthcare'];
const SLOW_BLOCKS = 60_000;
const METRICS_BLOCKS = 10_000;
const METRICS_RUNS = 15;

const OTHERS: Readonly<Record<string, (figures: readonly number[]) => Promise<void>>> = {
  snapshot,
  clients: ([count = 50]) => clients(count),
  codecs,
  line: ([mbit = 10]) => line(mbit),
  memory,
  followers: ([followers = 1000, blocks = 200, clients = 1]) =>
    benchFollowers({ followers, blocks, clients }),
  'slow-consumer': ([blocks = SLOW_BLOCKS]) => slowConsumer(blocks),
  import: imports,
  metrics: ([blocks = METRICS_BLOCKS]) => metrics(blocks),
  postgres,
  produce,
};

const given = process.argv.slice(2);
const numbers = given.filter((each) => /^[0-9]+$/.test(each)).map(Number);
const names = given.filter((each) => !/^[0-9]+$/.test(each));
const unknown = names.filter((name) => OTHERS[name] === undefined && findWorkload(name) === null);
if (unknown.length > 0) {
  console.error(`There is nothing to measure by the name of ${unknown.join(', ')}.`);
  process.exit(2);
}
for (const name of names.length === 0 ? DEFAULT : names) await measure(name);

async function measure(name: string): Promise<void> {
  const other = OTHERS[name];
  if (other !== undefined) {
    await other(numbers);
    return;
  }
  const workload = available(name);
  if (workload === null) return;
  await (AGAINST === null ? stream(workload) : against(workload, AGAINST));
}

async function against(workload: Workload, dir: string): Promise<void> {
  console.log(`${titleOf(workload)} against another version, rounds: ${RUNS}, seed ${SEED} …`);
  const isWanted = (contest: string): boolean => WAYS === null || WAYS.includes(contest);
  const result = await compare(workload, { dir, rounds: RUNS, seed: SEED, isWanted });
  const table = againstTable(result);
  console.log(table);
  const drawn = `Intervals are drawn with the seed ${SEED}.`;
  if (COMPLETE) await rewrite(`against-${workload.name}`, `${setting(RUNS)} ${drawn}\n\n${table}`);
}

async function stream(workload: Workload): Promise<void> {
  console.log(`${titleOf(workload)}: rounds of each way: ${RUNS} …`);
  const result = await benchStream(workload, RUNS, ({ name }) => WAYS === null || WAYS.includes(name));
  const tables = streamTables(result);
  console.log(tables);
  if (!COMPLETE || result.ways.some(({ skipped }) => skipped !== null)) return;
  const plots = plot(workload.name, streamCharts(result, titleOf(workload)));
  await rewrite(workload.name, [setting(RUNS), tables, plots].join('\n\n'));
}

async function snapshot(): Promise<void> {
  const workload = available('healthcare-10000');
  if (workload === null) return;
  console.log(`Snapshot of ${titleOf(workload)}: rounds: ${RUNS} …`);
  const table = snapshotTable(await benchSnapshot(workload, RUNS));
  console.log(table);
  if (COMPLETE) await rewrite('snapshot', `${setting(RUNS)} ${table}`);
}

async function clients(count: number): Promise<void> {
  const results = [];
  for (const workload of availableOf(['sealed-900', 'healthcare'], [10_000, 500])) {
    console.log(`${count} clients at once, ${titleOf(workload)} each, rounds: ${RUNS} …`);
    results.push(await benchClients(workload, count, RUNS));
  }
  const table = clientsTable(results);
  console.log(table);
  if (!COMPLETE || results.length < 2) return;
  const plots = plot('clients', clientsCharts(results));
  await rewrite('clients', [setting(RUNS), table, plots].join('\n\n'));
}

async function codecs(): Promise<void> {
  const results = [];
  for (const workload of availableOf(CODEC_WORKLOADS, [8192, 8192, 512])) {
    console.log(`Codecs on ${titleOf(workload)}, rounds: ${RUNS} …`);
    results.push(await benchCodecs(workload, RUNS));
  }
  const tables = codecsTable(results);
  console.log(tables);
  if (COMPLETE && results.length === CODEC_WORKLOADS.length)
    await rewrite('codecs', `${setting(RUNS)}\n\n${tables}`);
}

async function line(mbit: number): Promise<void> {
  const reason = lineUnavailable();
  if (reason !== null) {
    console.log(`line: left out, ${reason}`);
    return;
  }
  const [workload] = availableOf(['healthcare-10000'], [10_000]);
  if (workload === undefined) return;
  console.log(`${titleOf(workload)} over ${mbit} Mbit/s, rounds: ${RUNS} …`);
  const isWanted = ({ name }: Way): boolean => WAYS === null || WAYS.includes(name);
  const result = await benchLine(workload, { mbit, count: RUNS, isWanted });
  const table = lineTable(result);
  console.log(table);
  if (!COMPLETE || mbit !== 10) return;
  await rewrite('line', [setting(RUNS), table, plot('line', [lineChart(result)])].join('\n\n'));
}

async function slowConsumer(blocks: number): Promise<void> {
  const table = slowConsumerTable(await benchSlowConsumer(blocks));
  console.log(table);
  if (blocks === SLOW_BLOCKS) await rewrite('slow-consumer', `${setting(1)}\n\n${table}`);
}

async function imports(): Promise<void> {
  const table = importTable(RUNS);
  console.log(table);
  await rewrite('import', `${setting(RUNS)}\n\n${table}`);
}

async function metrics(blocks: number): Promise<void> {
  const runs = Math.max(RUNS, METRICS_RUNS);
  console.log(`The cost of metrics, runs: ${runs} …`);
  const table = metricsTable(await benchMetrics(runs, blocks), SEED);
  console.log(table);
  const drawn = `The interval is drawn with the seed ${SEED}.`;
  if (blocks === METRICS_BLOCKS) await rewrite('metrics', `${setting(runs)} ${drawn}\n\n${table}`);
}

async function produce(): Promise<void> {
  console.log(`1,000 records of 1 KB into LevelDB, rounds: ${RUNS} …`);
  const table = await benchProduce(RUNS);
  console.log(table);
  if (COMPLETE) await rewrite('produce', `${setting(RUNS)}\n\n${table}`);
}

async function memory(): Promise<void> {
  const workloads = availableOf(['healthcare-10000', 'healthcare-40000'], [10_000, 40_000]);
  console.log(`Memory, rounds: ${RUNS} …`);
  const table = memoryTable(await benchMemory(workloads, RUNS));
  console.log(table);
  if (COMPLETE && workloads.length === 2) await rewrite('memory', `${setting(RUNS)}\n\n${table}`);
}

async function postgres(): Promise<void> {
  const workloads = availableOf(['sealed-900', 'healthcare'], [10_000, 500]);
  console.log(`Stores in PostgreSQL and LevelDB, rounds: ${RUNS} …`);
  const result = await benchPostgres(workloads, RUNS);
  if (result === null) {
    console.log('postgres: left out, PostgreSQL is not installed');
    return;
  }
  const table = postgresTable(result);
  console.log(table);
  if (COMPLETE && workloads.length === 2) await rewrite('postgres', `${setting(RUNS)}\n\n${table}`);
}

/** Those of the named workloads whose input is here, each with its own bound of blocks. */
function availableOf(names: readonly string[], blocks: readonly number[]): readonly Workload[] {
  return names.flatMap((name, index) => available(name, blocks[index]) ?? []);
}

function available(name: string, most = Number.MAX_SAFE_INTEGER): Workload | null {
  const workload = findWorkload(name, Math.min(most, BLOCKS ?? most));
  if (workload !== null && isAvailable(workload)) return workload;
  console.log(`${name}: left out, its input is not on this machine`);
  return null;
}
