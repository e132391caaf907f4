import type { MemoryResult, MemoryRow } from './memory.js';
import { figures, markdownTable, text } from './table.js';
import { megabytes, NONE, percent } from './units.js';

/** The table of peak memory by length of the chain; growth is against the first, shortest chain. */
export function memoryTable(results: readonly MemoryResult[]): string {
  const sides = [
    ['client', ({ clientBytes }: MemoryRow) => clientBytes],
    ['server', ({ serverBytes }: MemoryRow) => serverBytes],
  ] as const;
  const columns = sides.flatMap(([side]) => [
    ...results.map(({ documentBytes }) => `${side}, ${megabytes(documentBytes)}`),
    'growth',
  ]);
  const rows = (results[0]?.rows ?? []).map(({ title, heap }, index) => {
    const cells = sides.flatMap(([, bytesOf]) => {
      const bytes = results.map(({ rows }) => bytesOf(rows[index] as MemoryRow));
      return [...bytes.map(megabytes), growth(bytes)];
    });
    return [title, heap.title, ...cells];
  });
  return markdownTable([text('way'), text('heap'), ...columns.map(figures)], rows);
}

function growth(bytes: readonly number[]): string {
  const [first, last] = [bytes[0], bytes.at(-1)];
  return first === undefined || last === undefined
    ? NONE
    : percent(Math.round(100 * (last / first - 1)) / 100 + 0);
}
