import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { intervalOf, type Interval } from './against/statistics.js';
import { median } from './page.js';
import { figures, markdownTable, text } from './table.js';

/** Processor time of some syncs, in milliseconds. */
interface Cost {
  readonly clientMs: number;
  readonly serverMs: number;
}

/** A run: syncs without metrics and as many with them. */
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
const LOOK_MS = 50;
const WORKLOAD = 'sealed-900-400000';

/** Syncs of each kind in a run, which take turns: what else the machine does meanwhile meets both. */
const TURNS = 8;

/**
 * Syncs a chain from memory into memory, so that nothing but the work of both sides is measured, in `count` runs without
 * metrics and with metrics that are scraped each second. All syncs are those of one server and one client, in which the
 * code is compiled by then (the first run is not counted), and each begins after a collection of garbage. A run's syncs
 * without and with metrics take turns. For half of the runs the server is another one, which makes the other of its two
 * services first.
 */
export async function benchMetrics(count: number, blocks: number): Promise<MetricsResult> {
  const pinned = canPin();
  const halves: Half[] = [];
  for (const first of ['plain', 'measured'] as const) {
    const runs = first === 'plain' ? Math.ceil(count / 2) : Math.floor(count / 2);
    halves.push(await benchHalf(runs, { blocks, first, pinned }));
  }
  const scrapes = halves.reduce((sum, half) => sum + half.scrapes, 0);
  return { pairs: halves.flatMap(({ pairs }) => pairs), scrapes, pinned };
}

type Half = Pick<MetricsResult, 'pairs' | 'scrapes'>;

/** @param setup - `first`: which of the two the server makes first. That alone makes it up to 2 % cheaper. */
async function benchHalf(
  count: number,
  {
    blocks,
    first,
    pinned,
  }: { readonly blocks: number; readonly first: keyof MetricsPair; readonly pinned: boolean },
): Promise<Half> {
  const server = start('metrics-server-process', { workload: WORKLOAD, blocks, first }, pinned ? 0 : null);
  const { url } = await next<{ readonly url: string }>(server);
  const client = start('metrics-client-process', { url, blocks }, pinned ? 1 : null);
  const page = (await next<{ readonly url: string }>(client)).url;
  const scraper = new Scraper([`${url}/measured/metrics`, page], client.pid ?? 0);
  const sync = async (path: keyof MetricsPair): Promise<Cost> => {
    const told = next<Cost>(client);
    client.send(path);
    if (path === 'plain') return told;
    scraper.goOn();
    return told.finally(() => {
      scraper.rest();
    });
  };
  const pairs: MetricsPair[] = [];
  try {
    for (let run = 0; run <= count; run++) {
      const pair = await takingTurns(sync);
      if (run > 0) pairs.push(pair);
    }
    return { pairs, scrapes: scraper.scrapes };
  } finally {
    client.disconnect();
    server.send('stop');
    for (const child of [client, server]) if (child.exitCode === null) await once(child, 'exit');
  }
}

/** One run; which kind comes first changes. */
async function takingTurns(sync: (path: keyof MetricsPair) => Promise<Cost>): Promise<MetricsPair> {
  const sums = { plain: { clientMs: 0, serverMs: 0 }, measured: { clientMs: 0, serverMs: 0 } };
  for (let turn = 0; turn < TURNS; turn++)
    for (const path of turn % 2 === 0 ? (['plain', 'measured'] as const) : (['measured', 'plain'] as const)) {
      const { clientMs, serverMs } = await sync(path);
      sums[path].clientMs += clientMs;
      sums[path].serverMs += serverMs;
    }
  return sums;
}

/**
 * Asks pages each second in which the client works. Where Linux tells it, that is a second of its processor time: on a
 * machine that others use too, a second of the clock has less work in it, and a scrape would weigh more than it does.
 */
class Scraper {
  readonly #pages: readonly string[];
  readonly #workedMs: () => number;
  #leftMs = SCRAPE_MS;
  #lastMs = 0;
  #timer: NodeJS.Timeout | undefined;
  scrapes = 0;

  constructor(pages: readonly string[], pid: number) {
    this.#pages = pages;
    this.#workedMs = () => processorMs(pid) ?? performance.now();
  }

  goOn(): void {
    this.#lastMs = this.#workedMs();
    this.#timer = setInterval(() => {
      this.#look();
    }, LOOK_MS);
  }

  rest(): void {
    clearInterval(this.#timer);
    this.#look();
  }

  #look(): void {
    const now = this.#workedMs();
    this.#leftMs -= now - this.#lastMs;
    this.#lastMs = now;
    if (this.#leftMs > 0) return;
    this.#leftMs += SCRAPE_MS;
    this.scrapes += 1;
    // A client that has ended its sync meanwhile has no page any more.
    for (const page of this.#pages)
      fetch(page)
        .then((answer) => answer.text())
        .catch(() => undefined);
  }
}

/** User and system time of a process (proc(5)), in ticks of 10 ms; `null` where there is no `/proc`. */
function processorMs(pid: number): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return null;
  }
}

/** The table of what metrics cost, with the interval of the median of the runs' ratios. */
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
  const how = `${pairs.length} runs of ${2 * TURNS} syncs, ${scrapes} scrapes of each side${pinned ? ', each process on a core of its own' : ''}.`;
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
