import { benchFollowers } from './followers.js';
import { median, rewrite, setting } from './page.js';
import { benchSlowConsumer, type SlowConsumerRun } from './slow-consumer.js';
import { benchSnapshot, type SnapshotResult, type SnapshotRound, type Timing } from './snapshot.js';
import { benchStream, type StreamResult } from './stream.js';
import { isAvailable, type Workload, WORKLOADS } from './workloads.js';

/**
 * `npm run bench [-- NAME…]`: measures the named workloads, and rewrites a table in docs/benchmarks.md when all of it was
 * measured. Names: those of the stream's workloads (all by default), and `snapshot`. Others take figures instead: `followers
 * [COUNT] [BLOCKS] [CLIENTS]`, for followers, blocks that are appended, and processes that follow; `slow-consumer [BLOCKS]`.
 */
const RUNS = Number(process.env['BENCH_RUNS'] ?? 3);
const STREAM = ['ethereum', 'healthcare'];
const SNAPSHOT = 'healthcare-10000';

const SLOW_BLOCKS = 60_000;

const names = process.argv.slice(2);
const wanted = names.length === 0 ? STREAM : STREAM.filter((name) => names.includes(name));
if (names[0] === 'followers') await follow(names.slice(1).map(Number));
if (wanted.length > 0) await stream(wanted);
if (names.includes('snapshot')) await snapshot();
if (names.includes('slow-consumer')) await slowConsumer(Number(names.find(isCount) ?? SLOW_BLOCKS));

async function slowConsumer(blocks: number): Promise<void> {
  console.log(`${blocks.toLocaleString('en')} blocks of 4.7 KB to a consumer that takes 2 ms for each …`);
  console.log(slowTable(await benchSlowConsumer(blocks)));
}

function slowTable(runs: readonly SlowConsumerRun[]): string {
  const row = ({ way, blocks, elapsedMs, maxRssBytes, peak, serverRssBytes }: SlowConsumerRun): string => {
    const memory = [
      maxRssBytes,
      peak.rss,
      peak.anon,
      peak.file,
      peak.heapTotal,
      peak.heapUsed,
      peak.external,
    ];
    const cells = [...memory, serverRssBytes].map(megabytes);
    return `| ${[way, blocks.toLocaleString('en'), `${(elapsedMs / 1000).toFixed(0)} s`, ...cells].join(' | ')} |`;
  };
  return [
    '| way | blocks | time | peak RSS client | highest sample | anonymous | files | heap | heap in use | external | peak RSS server |',
    '| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |',
    ...runs.map(row),
  ].join('\n');
}

function isCount(name: string): boolean {
  return /^[1-9][0-9]*$/.test(name);
}

async function stream(workloads: readonly string[]): Promise<void> {
  const results: StreamResult[] = [];
  for (const name of workloads) {
    const workload = available(name);
    if (workload === null) continue;
    console.log(`${workload.title}: ${RUNS} runs of each codec …`);
    results.push(...(await benchStream(workload, ['gzip', 'identity'], RUNS)));
  }
  const table = streamTable(results);
  console.log(table);
  if (workloads.length === STREAM.length && results.length > 0) rewrite('stream', table);
}

async function snapshot(): Promise<void> {
  const workload = available(process.env['BENCH_WORKLOAD'] ?? SNAPSHOT);
  if (workload === null) return;
  console.log(`Snapshot of ${workload.title}: ${RUNS} rounds …`);
  const table = snapshotTable(await benchSnapshot(workload, RUNS));
  console.log(table);
  if (workload.name === SNAPSHOT) rewrite('snapshot', table);
}

async function follow([followers = 1000, blocks = 200, clients = 1]: readonly number[]): Promise<void> {
  await benchFollowers({ followers, blocks, clients });
}

function available(name: string): Workload | null {
  const workload = WORKLOADS.find((each) => each.name === name);
  if (workload !== undefined && isAvailable(workload)) return workload;
  console.log(`${name}: left out, its input is not on this machine`);
  return null;
}

function streamTable(rows: readonly StreamResult[]): string {
  const head = [
    setting(RUNS),
    '',
    '| blocks | codec | blocks/s | MB/s of documents | MB as stored | peak RSS client | peak RSS server |',
    '| --- | --- | --: | --: | --: | --: | --: |',
  ];
  return [...head, ...rows.map(streamRow)].join('\n');
}

function streamRow({ workload, codec, documentBytes, runs }: StreamResult): string {
  const seconds = median(runs.map(({ elapsedMs }) => elapsedMs)) / 1000;
  const cells = [
    workload.title,
    codec,
    Math.round((runs[0]?.blocks ?? 0) / seconds).toLocaleString('en'),
    (documentBytes / 1e6 / seconds).toFixed(1),
    (median(runs.map(({ bytes }) => bytes)) / 1e6).toFixed(1),
    megabytes(median(runs.map(({ clientRssBytes }) => clientRssBytes))),
    megabytes(median(runs.map(({ serverRssBytes }) => serverRssBytes))),
  ];
  return `| ${cells.join(' | ')} |`;
}

function snapshotTable({ workload, rawSize, size, rounds }: SnapshotResult): string {
  const row = (title: string, of: (round: SnapshotRound) => Timing | null): string => {
    const timings = rounds.map(of).filter((timing) => timing !== null);
    if (timings.length === 0) return `| ${title} | not installed | | |`;
    const seconds = median(timings.map(({ elapsedMs }) => elapsedMs)) / 1000;
    const rss = timings.flatMap(({ maxRssBytes }) => maxRssBytes ?? []);
    const memory = rss.length === 0 ? '' : megabytes(median(rss));
    return `| ${title} | ${seconds.toFixed(1)} s | ${(rawSize / 1e6 / seconds).toFixed(1)} | ${memory} |`;
  };
  return [
    `${setting(RUNS)} ${workload.title}: ${(rawSize / 1e6).toFixed(0)} MB of document, ${(size / 1e6).toFixed(0)} MB as a bzip2 snapshot.`,
    '',
    '| | time | MB/s of the document | peak RSS |',
    '| --- | --: | --: | --: |',
    row('snapshot made and signed, from LevelDB', ({ made }) => made),
    row('`bzip2 -9` alone', ({ bzip2 }) => bzip2),
    row('`lbzip2 -9` alone', ({ lbzip2 }) => lbzip2),
    row('snapshot fetched, verified and imported into LevelDB', ({ taken }) => taken),
    row('server of that', ({ served }) => served),
    row('`bunzip2` alone', ({ bunzip2 }) => bunzip2),
    row('`lbunzip2` alone', ({ lbunzip2 }) => lbunzip2),
  ].join('\n');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
