import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fill } from './fill.js';
import { median } from './page.js';
import { report, start } from './pair.js';
import { inDirectory, measureWays } from './stream.js';
import { ours, type Way } from './ways.js';
import type { Workload } from './workloads.js';

/** What Node is started with: as it comes, and with V8's young generation held small, as the command line has it. */
const FLAGS = [[], ['--max-semi-space-size=1']] as const;

/** Medians of the peak memory in one way. */
export interface MemoryRow {
  readonly title: string;
  /** Options of Node, on both sides. */
  readonly flags: readonly string[];
  readonly clientBytes: number;
  readonly serverBytes: number;
}

/** What our client and server held of one chain, in each way. */
export interface MemoryResult {
  readonly documentBytes: number;
  readonly rows: readonly MemoryRow[];
}

/**
 * Makes a snapshot of chains of different lengths, and syncs them in the stream, by ranges and by the snapshot, `count`
 * times each.
 */
export async function benchMemory(
  workloads: readonly Workload[],
  count: number,
): Promise<readonly MemoryResult[]> {
  const results: MemoryResult[] = [];
  for (const workload of workloads) results.push(await inDirectory((dir) => measure(dir, workload, count)));
  return results;
}

async function measure(dir: string, workload: Workload, count: number): Promise<MemoryResult> {
  const [store, copy] = [join(dir, 'store'), join(dir, 'copy')];
  const filled = await fill(store, workload);
  const rows: MemoryRow[] = [];
  for (const flags of FLAGS) {
    const serverBytes = await make(store, flags);
    rows.push({ title: 'snapshot made (once)', flags, clientBytes: Number.NaN, serverBytes });
    const wanted = ours({ store, copy }).filter(({ name }) => name !== 'identity');
    const ways = wanted.map((way) => withFlags(way, flags));
    for (const { way, runs } of await measureWays(ways, { ...filled, copy }, count)) {
      rows.push({
        title: way.title,
        flags,
        clientBytes: median(runs.map(({ client }) => client.maxRssBytes)),
        serverBytes: median(runs.map(({ server }) => server?.maxRssBytes ?? Number.NaN)),
      });
    }
  }
  return { documentBytes: filled.documentBytes, rows };
}

/** @returns the peak memory of making a snapshot */
async function make(location: string, nodeOptions: readonly string[]): Promise<number> {
  const directory = join(location, 'snapshots');
  rmSync(directory, { recursive: true, force: true });
  const settings = { location, directory };
  const { maxRssBytes } = await report<{ readonly maxRssBytes: number }>(
    start({ module: 'snapshot-make-process', settings, nodeOptions }),
  );
  return maxRssBytes;
}

function withFlags(way: Way, nodeOptions: readonly string[]): Way {
  const { server, client } = way;
  return {
    ...way,
    server: server === null ? null : { ...server, nodeOptions },
    client: { ...client, nodeOptions },
  };
}
