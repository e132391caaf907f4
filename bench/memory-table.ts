import type { MemoryResult } from './memory.js';
import { median } from './page.js';
import type { PairRun } from './pair.js';
import { figures, markdownTable, text } from './table.js';
import { megabytes, percent } from './units.js';
import { titleOf } from './workloads.js';

/** The table of peak memory by length of the chain; growth is against the first, shortest chain. */
export function memoryTable(results: readonly MemoryResult[]): string {
  const rows = results.flatMap(({ workload, documentBytes, ways }) =>
    ways.map(({ way, runs }, index) => {
      const first = results[0]?.ways[index]?.runs ?? [];
      const [client, server] = [clientRss(runs), serverRss(runs)];
      const growth = [client / clientRss(first) - 1, server / serverRss(first) - 1];
      const cells = [client, server].map(megabytes);
      return [titleOf(workload), megabytes(documentBytes), way.title, ...cells, ...growth.map(percent)];
    }),
  );
  const columns = ['peak RSS client', 'peak RSS server', 'client’s growth', 'server’s growth'];
  return markdownTable([text('blocks'), figures('documents'), text('way'), ...columns.map(figures)], rows);
}

function clientRss(runs: readonly PairRun[]): number {
  return median(runs.map(({ client }) => client.maxRssBytes));
}

function serverRss(runs: readonly PairRun[]): number {
  return median(runs.map(({ server }) => server?.maxRssBytes ?? Number.NaN));
}
