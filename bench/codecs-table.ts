import type { CodecRun, CodecsResult } from './codecs.js';
import { median } from './page.js';
import { figures, markdownTable, text } from './table.js';
import { megabytes, NONE } from './units.js';
import { titleOf } from './workloads.js';

/** The tables of the codecs, one for each workload. */
export function codecsTable(results: readonly CodecsResult[]): string {
  return results
    .map((result) => `${titleOf(result.workload)}, ${megabytes(result.documentBytes)}:\n\n${one(result)}`)
    .join('\n\n');
}

function one({ documentBytes, rows }: CodecsResult): string {
  const speed = (runs: readonly CodecRun[], of: (run: CodecRun) => number | null): string => {
    const all = runs.map(of).filter((ms) => ms !== null);
    return all.length === 0 ? NONE : (documentBytes / 1000 / median(all)).toFixed(1);
  };
  const columns = ['size', 'ratio', 'encoding, MB/s', 'decoding, MB/s'].map(figures);
  return markdownTable(
    [text('encoded together'), text('codec'), ...columns],
    rows.map(({ codec, unit, runs }) => {
      const bytes = median(runs.map((run) => run.bytes));
      return [
        unitName(unit),
        codec,
        megabytes(bytes),
        (documentBytes / bytes).toFixed(2),
        speed(runs, ({ encodeMs }) => encodeMs),
        speed(runs, ({ decodeMs }) => decodeMs),
      ];
    }),
  );
}

function unitName(unit: number | null): string {
  if (unit === null) return 'all blocks';
  return unit === 1 ? 'one block' : `${unit} blocks`;
}
