import { parseArgs } from 'node:util';
import { lacking } from './needs.js';
import { writePage } from './page.js';
import { ROWS } from './rows/index.js';
import { type Result, runRow, scaleOf } from './runner.js';
import type { Site } from './site.js';
import { linesOf, summaryOf } from './table.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { slice: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
});
for (const name of positionals)
  if (!ROWS.some((row) => row.name === name))
    throw new TypeError(`There is no row ${name}; there are ${ROWS.map((row) => row.name).join(', ')}.`);

/** Of a slice: no row is begun after that. */
const SLICE_MS = 100_000;
/** What must not be lost comes first, in case that the time is over before all rows are. */
const SLICE_ORDER = ['crash', 'line', 'load'] as const;

const rows =
  positionals.length > 0
    ? ROWS.filter(({ name }) => positionals.includes(name))
    : values.slice
      ? SLICE_ORDER.flatMap((group) => ROWS.filter((row) => row.inSlice && row.group === group))
      : ROWS;

let site: Site | null = null;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void (site?.close() ?? Promise.resolve()).finally(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  });
}

const results: Result[] = [];
const untilMs = values.slice ? performance.now() + SLICE_MS : Infinity;
for (const row of rows) {
  const result = await runRow(row, {
    scale: scaleOf(values.slice),
    lacking,
    untilMs,
    onSite: (used) => {
      site = used;
    },
  });
  results.push(result);
  console.log(linesOf(result));
}
console.log(summaryOf(results));
if (values.write) await writePage(results, { isPart: positionals.length > 0 || values.slice });
process.exit(results.some(({ outcome }) => outcome === 'missed') ? 1 : 0);
