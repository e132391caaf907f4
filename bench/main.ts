import { cpus } from 'node:os';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { benchStream, type StreamResult, type SyncRun } from './stream.js';
import { isAvailable, WORKLOADS } from './workloads.js';

/** `npm run bench [-- NAME…]`: measures the named workloads (all by default) and rewrites the table in docs/benchmarks.md. */
const RUNS = Number(process.env['BENCH_RUNS'] ?? 3);
const PAGE = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));
const BEGIN = '<!-- table: begin -->';
const END = '<!-- table: end -->';

const names = process.argv.slice(2);
const results: StreamResult[] = [];
for (const workload of WORKLOADS) {
  if (names.length > 0 && !names.includes(workload.name)) continue;
  if (!isAvailable(workload)) {
    console.log(`${workload.name}: left out, ${workload.file} is not on this machine`);
    continue;
  }
  console.log(`${workload.title}: ${RUNS} runs of each codec …`);
  results.push(...(await benchStream(workload, ['gzip', 'identity'], RUNS)));
}
const table = render(results);
console.log(table);
if (names.length === 0 && results.length > 0) rewrite(table);

function median(runs: readonly SyncRun[], value: (run: SyncRun) => number): number {
  const sorted = runs.map(value).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function render(rows: readonly StreamResult[]): string {
  const head = [
    `${process.version}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), client and server on the same machine; median of ${RUNS} runs.`,
    '',
    '| blocks | codec | blocks/s | MB/s of documents | MB as stored | peak RSS client | peak RSS server |',
    '| --- | --- | --: | --: | --: | --: | --: |',
  ];
  return [...head, ...rows.map(renderRow)].join('\n');
}

function renderRow({ workload, codec, documentBytes, runs }: StreamResult): string {
  const seconds = median(runs, ({ elapsedMs }) => elapsedMs) / 1000;
  const cells = [
    workload.title,
    codec,
    Math.round((runs[0]?.blocks ?? 0) / seconds).toLocaleString('en'),
    (documentBytes / 1e6 / seconds).toFixed(1),
    (median(runs, ({ bytes }) => bytes) / 1e6).toFixed(1),
    `${(median(runs, ({ clientRssBytes }) => clientRssBytes) / 1e6).toFixed(0)} MB`,
    `${(median(runs, ({ serverRssBytes }) => serverRssBytes) / 1e6).toFixed(0)} MB`,
  ];
  return `| ${cells.join(' | ')} |`;
}

function rewrite(table: string): void {
  const page = readFileSync(PAGE, 'utf8');
  const [before = ''] = page.split(BEGIN);
  const [, after = ''] = page.split(END);
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${table}\n\n${END}${after}`);
}
