import type { ClientsResult } from './clients.js';
import { median } from './page.js';
import type { PairRun } from './pair.js';
import type { Chart } from './svg.js';
import { figures, markdownTable, text } from './table.js';
import { megabytes, percent, times, whole } from './units.js';
import { titleOf } from './workloads.js';

/** The table of many clients at once. */
export function clientsTable(results: readonly ClientsResult[]): string {
  const columns = ['clients', 'blocks/s in all', 'MB/s on the wire', 'peak RSS server'];
  const busy = ['processor server', 'processor readers'];
  const rows = results.flatMap((result) =>
    sides(result).map(({ title, runs }) => [
      titleOf(result.workload),
      title,
      whole(result.clients),
      whole(rate(result, runs)),
      median(runs.map(megabytesPerSecond)).toFixed(0),
      megabytes(median(runs.map(({ server }) => server?.maxRssBytes ?? Number.NaN))),
      percent(median(runs.map(({ client, server }) => (server?.cpuMs ?? Number.NaN) / client.elapsedMs))),
      percent(median(runs.map(({ client }) => client.cpuMs / client.elapsedMs))),
      times(median(runs.map((run, round) => against(run, result.plain[round])))),
    ]),
  );
  return markdownTable(
    [text('blocks'), text('server'), ...[...columns, ...busy, 'against plain'].map(figures)],
    rows,
  );
}

/** Bars of the same. */
export function clientsCharts(results: readonly ClientsResult[]): readonly Chart[] {
  return results.map((result) => ({
    title: `${result.clients} clients at once, ${titleOf(result.workload)} each: blocks/s in all`,
    unit: '',
    bars: sides(result).map(({ title, runs }) => ({
      label: title,
      value: rate(result, runs),
      ours: title !== 'plain',
    })),
  }));
}

function sides({ ours, plain }: ClientsResult): readonly { title: string; runs: readonly PairRun[] }[] {
  return [
    { title: 'ours', runs: ours },
    { title: 'plain', runs: plain },
  ];
}

function rate({ total }: ClientsResult, runs: readonly PairRun[]): number {
  return (total * 1000) / median(runs.map(({ client }) => client.elapsedMs));
}

function megabytesPerSecond({ client, server }: PairRun): number {
  return (server?.wireBytes ?? Number.NaN) / 1000 / client.elapsedMs;
}

function against(run: PairRun, plain: PairRun | undefined): number {
  return (plain?.client.elapsedMs ?? Number.NaN) / run.client.elapsedMs;
}
