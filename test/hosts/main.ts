// Tries the packed package where people have it: `npm run test:hosts`, or `-- NAME…` for some of the rows.
import { parseArgs } from 'node:util';
import { bundles } from './bundles.js';
import type { Row, Tried } from './row.js';
import { runners } from './runners.js';
import { runtimes } from './runtimes.js';
import { Site } from './site.js';
import { workerd } from './workerd.js';

const ROWS: readonly Row[] = [bundles, runners, runtimes, workerd];

const { positionals } = parseArgs({ allowPositionals: true });
for (const name of positionals)
  if (!ROWS.some((row) => row.name === name))
    throw new TypeError(`There is no row ${name}; there are ${ROWS.map((row) => row.name).join(', ')}.`);

let failed = 0;
for (const row of ROWS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
  const site = await Site.make(row.packages());
  try {
    await row.run(site, (tried) => {
      if (tried.wrong !== null) failed++;
      console.log(lineOf(row, tried));
    });
  } finally {
    site.remove();
  }
}
console.log(failed === 0 ? 'All hosts are as they should be.' : `${failed} failed.`);
process.exitCode = failed === 0 ? 0 : 1;

function lineOf({ name }: Row, { what, wrong, note = '' }: Tried): string {
  return `${wrong === null ? 'ok    ' : 'FAILED'} ${name.padEnd(10)} ${what.padEnd(70)} ${wrong ?? note}`;
}
