import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fill } from './fill.js';
import { type Heap, HEAPS } from './heaps.js';
import { median } from './page.js';
import { report, start } from './pair.js';
import { inDirectory, measureWays } from './stream.js';
import { ours, type Way } from './ways.js';
import type { Workload } from './workloads.js';

/** Medians of the peak memory in one way. */
export interface MemoryRow {
  readonly title: string;
  /** On both sides. */
  readonly heap: Heap;
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
  for (const heap of HEAPS) {
    const serverBytes = await make(store, heap);
    rows.push({ title: 'snapshot made (once)', heap, clientBytes: Number.NaN, serverBytes });
    const wanted = ours({ store, copy, chain: workload.chain }).filter(({ name }) => name !== 'identity');
    const ways = wanted.map((way) => withHeap(way, heap));
    for (const { way, runs } of await measureWays(ways, { ...filled, copy }, count)) {
      rows.push({
        title: way.title,
        heap,
        clientBytes: median(runs.map(({ client }) => client.maxRssBytes)),
        serverBytes: median(runs.map(({ server }) => server?.maxRssBytes ?? Number.NaN)),
      });
    }
  }
  return { documentBytes: filled.documentBytes, rows };
}

/** @returns the peak memory of making a snapshot */
async function make(location: string, { nodeOptions }: Heap): Promise<number> {
  const directory = join(location, 'snapshots');
  rmSync(directory, { recursive: true, force: true });
  const settings = { location, directory };
  const { maxRssBytes } = await report<{ readonly maxRssBytes: number }>(
    start({ module: 'snapshot-make-process', settings, nodeOptions }),
  );
  return maxRssBytes;
}

function withHeap(way: Way, { nodeOptions }: Heap): Way {
  const { server, client } = way;
  return {
    ...way,
    server: server === null ? null : { ...server, nodeOptions },
    client: { ...client, nodeOptions },
  };
}
