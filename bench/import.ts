import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from './page.js';
import { figures, markdownTable, text } from './table.js';

/** What is imported: the package's own entries, and what they need, alone. */
const MODULES: readonly { readonly name: string; readonly url: string }[] = [
  { name: '`blockferry`', url: new URL('../src/index.js', import.meta.url).href },
  { name: '`blockferry/express`', url: new URL('../src/server/express.js', import.meta.url).href },
  { name: '`rxjs` alone', url: 'rxjs' },
  { name: '`express` alone', url: 'express' },
];

/** Times `import()` of each module in `count` new processes each, in turns. @returns the table of the medians */
export function importTable(count: number): string {
  const times = MODULES.map((): number[] => []);
  for (let round = 0; round < count; round++) {
    for (const [index, { url }] of MODULES.entries()) times[index]?.push(importMs(url));
  }
  const rows = MODULES.map(({ name }, index) => [name, `${median(times[index] ?? []).toFixed(0)} ms`]);
  return markdownTable([text('module'), figures('time to import')], rows);
}

function importMs(url: string): number {
  const script = `const at = performance.now(); await import(${JSON.stringify(url)}); console.log(performance.now() - at);`;
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { cwd });
  return Number(output.toString());
}
