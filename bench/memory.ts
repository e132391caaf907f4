import { join } from 'node:path';
import { fill } from './fill.js';
import { report, start } from './pair.js';
import { inDirectory, measureWays, type WayRuns } from './stream.js';
import { ours } from './ways.js';
import type { Workload } from './workloads.js';

/** What our client and server held of one chain, in each way. */
export interface MemoryResult {
  readonly workload: Workload;
  readonly documentBytes: number;
  readonly ways: readonly WayRuns[];
}

/** Syncs chains of different lengths in the stream, by ranges and by a snapshot, `count` times each. */
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
  const settings = { location: store, directory: join(store, 'snapshots') };
  await report(start({ module: 'snapshot-make-process', settings }));
  const wanted = ours({ store, copy }).filter(({ name }) => name !== 'identity');
  const ways = await measureWays(wanted, { ...filled, copy }, count);
  return { workload, documentBytes: filled.documentBytes, ways };
}
