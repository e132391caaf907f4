import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { barChart, type Chart } from './svg.js';

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
const PAGE = `${DOCS}benchmarks.md`;

/** Where the figures below it come from. */
export function setting(runs: number): string {
  const [cpu] = cpus();
  return `${process.version}, ${cpus().length} cores (${cpu?.model.trim() ?? 'unknown'}), client and server on the same machine; median of ${runs} ${runs === 1 ? 'run' : 'runs'}.`;
}

/** Puts a text between the marks of its name in docs/benchmarks.md, and leaves the page as the formatter wants it. */
export async function rewrite(name: string, content: string): Promise<void> {
  const page = replaced(readFileSync(PAGE, 'utf8'), name, content);
  writeFileSync(PAGE, await format(page, { ...(await resolveConfig(PAGE)), filepath: PAGE }));
  console.log(`docs/benchmarks.md: ${name} is rewritten.`);
}

/** A page with another text between the marks of a name. @throws Error when it has no such marks */
export function replaced(page: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const start = page.indexOf(begin);
  const stop = page.indexOf(end, start);
  if (start < 0 || stop < 0) throw new Error(`docs/benchmarks.md has no marks for ${name}.`);
  return `${page.slice(0, start)}${begin}\n\n${content}\n\n${page.slice(stop)}`;
}

/** Draws charts into docs/plots. @returns the lines that show them on the page. */
export function plot(name: string, charts: readonly Chart[]): string {
  mkdirSync(`${DOCS}plots`, { recursive: true });
  const lines = charts.map((chart, index) => {
    const file = `plots/${name}-${index + 1}.svg`;
    writeFileSync(`${DOCS}${file}`, barChart(chart));
    return `![${chart.title}](${file})`;
  });
  return lines.join('\n\n');
}

/** The middle one of some values; the upper one of the two middle ones. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
