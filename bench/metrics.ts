import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { intervalOf, type Interval } from './against/statistics.js';
import { median } from './page.js';
import { figures, markdownTable, text } from './table.js';

/** Processor time of one sync, in milliseconds. */
interface Cost {
  readonly clientMs: number;
  readonly serverMs: number;
}

/** A sync without metrics and one with them, right behind each other. */
export interface MetricsPair {
  readonly plain: Cost;
  readonly measured: Cost;
}

/** What metrics cost. */
export interface MetricsResult {
  readonly pairs: readonly MetricsPair[];
  readonly scrapes: number;
  /** Whether each process had a core that was named. */
  readonly pinned: boolean;
}

const SCRAPE_MS = 1000;
const WORKLOAD = 'sealed-900-400000';

/**
 * Syncs a chain from memory into memory, so that nothing but the work of both sides is measured, `count` times without
 * and with metrics that are scraped each second. All syncs are those of one server and one client, in which the code is
 * compiled by then (the first pair is not counted), each begins after a collection of garbage, and which of a pair comes
 * first changes.
 */
export async function benchMetrics(count: number, blocks: number): Promise<MetricsResult> {
  const pinned = canPin();
  const server = start('metrics-server-process', { workload: WORKLOAD, blocks }, pinned ? 0 : null);
  const { url } = await next<{ readonly url: string }>(server);
  const client = start('metrics-client-process', { url, blocks }, pinned ? 1 : null);
  const page = (await next<{ readonly url: string }>(client)).url;
  const pages = [`${url}/measured/metrics`, page];
  const pairs: MetricsPair[] = [];
  let scrapes = 0;
  const sync = async (path: keyof MetricsPair): Promise<Cost> => {
    client.send(path);
    const told = next<Cost>(client);
    const timer =
      path === 'plain'
        ? undefined
        : setInterval(() => {
            scrapes += 1;
            void Promise.all(pages.map(async (each) => (await fetch(each)).text()));
          }, SCRAPE_MS);
    return told.finally(() => {
      clearInterval(timer);
    });
  };
  try {
    for (let round = 0; round <= count; round++) {
      const order = round % 2 === 0 ? (['plain', 'measured'] as const) : (['measured', 'plain'] as const);
      const costs: Partial<Record<keyof MetricsPair, Cost>> = {};
      for (const path of order) costs[path] = await sync(path);
      if (round > 0) pairs.push(costs as MetricsPair);
    }
    return { pairs, scrapes, pinned };
  } finally {
    client.disconnect();
    server.send('stop');
    for (const child of [client, server]) if (child.exitCode === null) await once(child, 'exit');
  }
}

/** The table of what metrics cost, with the interval of the median of the pairs' ratios. */
export function metricsTable({ pairs, scrapes, pinned }: MetricsResult, seed: number): string {
  const sides: readonly (readonly [string, (cost: Cost) => number])[] = [
    ['client', ({ clientMs }) => clientMs],
    ['server', ({ serverMs }) => serverMs],
    ['both', ({ clientMs, serverMs }) => clientMs + serverMs],
  ];
  const rows = sides.map(([title, of]) => {
    const ratios = pairs.map(({ plain, measured }) => of(measured) / of(plain));
    const of50 = (each: keyof MetricsPair): string =>
      `${(median(pairs.map((pair) => of(pair[each]))) / 1000).toFixed(2)} s`;
    return [title, of50('plain'), of50('measured'), percent(median(ratios)), range(intervalOf(ratios, seed))];
  });
  const columns = [text(''), ...['without', 'with metrics', 'cost', '95 % interval'].map(figures)];
  const how = `${pairs.length} pairs, ${scrapes} scrapes of each side${pinned ? ', each process on a core of its own' : ''}.`;
  return `${how}\n\n${markdownTable(columns, rows)}`;
}

function percent(ratio: number): string {
  const value = (ratio - 1) * 100;
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)} %`;
}

function range({ low, high }: Interval): string {
  return `${percent(low)} to ${percent(high)}`;
}

/** `taskset` of util-linux, and two cores to be named. */
function canPin(): boolean {
  return availableParallelism() >= 2 && spawnSync('taskset', ['-c', '0,1', 'true']).status === 0;
}

function start(module: string, settings: object, core: number | null): ChildProcess {
  const script = fileURLToPath(new URL(`./${module}.js`, import.meta.url));
  const node = [process.execPath, '--expose-gc', script, JSON.stringify(settings)];
  const [program = '', ...args] = core === null ? node : ['taskset', '-c', String(core), ...node];
  return spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

async function next<T>(child: ChildProcess): Promise<T> {
  const over = new AbortController();
  const failed = once(child, 'exit', { signal: over.signal }).then(([code]) => {
    throw new Error(`A process ended with status ${String(code)}.`);
  });
  try {
    const [told] = (await Promise.race([once(child, 'message', { signal: over.signal }), failed])) as [T];
    return told;
  } finally {
    over.abort();
    failed.catch(() => undefined);
  }
}
