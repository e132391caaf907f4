import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const PAGE = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));

/** Where the figures below it come from. */
export function setting(runs: number): string {
  const [cpu] = cpus();
  return `${process.version}, ${cpus().length} cores (${cpu?.model ?? 'unknown'}), client and server on the same machine; median of ${runs} runs.`;
}

/** Puts a table between the marks of its name in docs/benchmarks.md. */
export function rewrite(name: string, table: string): void {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const page = readFileSync(PAGE, 'utf8');
  const [before = '', rest = ''] = page.split(begin);
  const [, after] = rest.split(end);
  if (after === undefined) throw new Error(`docs/benchmarks.md has no marks for ${name}.`);
  writeFileSync(PAGE, `${before}${begin}\n\n${table}\n\n${end}${after}`);
}

/** The middle one of some values; the upper one of the two middle ones. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
