import { parseArgs } from 'node:util';
import { lacking } from './needs.js';
import { writePage } from './page.js';
import type { Row } from './row.js';
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

if (values.slice && values.write) throw new TypeError('A slice is not written into the page.');

const rows =
  positionals.length > 0
    ? ROWS.filter(({ name }) => positionals.includes(name))
    : ROWS.filter(({ inSlice }) => inSlice || !values.slice);
const untilMs = values.slice ? performance.now() + SLICE_MS : Infinity;

const sites = new Set<Site>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    const open = [...sites];
    const closed = Promise.allSettled(open.map((site) => site.close()));
    void closed.finally(() => {
      // A row is not held up while its site is closed: a store that it was about to open has made its folder again.
      for (const site of open) site.removeFolder();
      process.exit(signal === 'SIGINT' ? 130 : 143);
    });
  });
}

const results = new Map<Row, Result>();

async function runGroup(group: Row['group']): Promise<void> {
  for (const row of rows.filter((each) => each.group === group)) {
    const result = await runRow(row, { scale: scaleOf(values.slice), lacking, untilMs, sites });
    results.set(row, result);
    console.log(linesOf(result));
  }
}

// One after the other: a process in a network namespace keeps a copy of each mount, so that a disk whose power was cut
// beside it could not be mounted afresh.
for (const group of ['crash', 'line', 'load'] as const) await runGroup(group);

const all = rows.flatMap((row) => results.get(row) ?? []);
console.log(`${summaryOf(all)}; ${(performance.now() / 1000).toFixed(0)} s in all`);
if (values.write) await writePage(ROWS, all);
process.exit(all.some(({ outcome }) => outcome === 'missed') ? 1 : 0);
