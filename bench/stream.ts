import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fill, type Filled } from './fill.js';
import { type PairRun, report, runPair, start } from './pair.js';
import { writePlainChain } from './rivals/plain-chain.js';
import { type Way, waysOf } from './ways.js';
import type { Workload } from './workloads.js';

/** One run of one way. */
export interface WayRun extends PairRun {
  /** Length of the files of the client's store; `null` where it has none. */
  readonly diskBytes: number | null;
}

/** What is not in tiles yet: at most the last 64 blocks, those that share a tile with them, and a tile that begins there. */
const MOST_TAIL = 2048;

/** All runs of one way. */
export interface WayRuns {
  readonly way: Way;
  /** Blocks of one run. */
  readonly blocks: number;
  readonly runs: readonly WayRun[];
  /** Why there are no runs; `null` when there are. */
  readonly skipped: string | null;
}

/** What was measured of one workload. */
export interface StreamResult {
  readonly workload: Workload;
  readonly documentBytes: number;
  readonly ways: readonly WayRuns[];
}

/** What is in a directory for {@link measureWays}. */
export interface Prepared extends Filled {
  readonly store: string;
  readonly plain: string;
  readonly copy: string;
}

/**
 * Brings a workload from a server to a client in all ways, `count` rounds of each way once, each in new processes.
 *
 * @throws Error when a client fails or doesn't have all blocks at its end
 */
export async function benchStream(
  workload: Workload,
  count: number,
  wanted: (way: Way) => boolean = () => true,
): Promise<StreamResult> {
  return await inDirectory(async (dir) => {
    const prepared = await prepare(dir, workload);
    const { name, chain, blocks } = workload;
    const ways = waysOf({ ...prepared, workload: name, chain, blocks }).filter(wanted);
    const results = await measureWays(ways, prepared, count);
    return { workload, documentBytes: prepared.documentBytes, ways: results };
  });
}

/** Gives a new directory for as long as it is needed. */
export async function inDirectory<T>(use: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'blockferry-bench-'));
  try {
    return await use(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Makes our store with a snapshot, and the plain design's chain. */
export async function prepare(dir: string, workload: Workload): Promise<Prepared> {
  const [store, plain, copy] = [join(dir, 'store'), join(dir, 'plain.ndjson'), join(dir, 'copy')];
  const filled = await fill(store, workload);
  const settings = { location: store, directory: join(store, 'snapshots') };
  await report(start({ module: 'snapshot-make-process', settings }));
  await writePlainChain(plain, workload.documents());
  return { ...filled, store, plain, copy };
}

/** Runs ways in turns. */
export async function measureWays(
  ways: readonly Way[],
  { blocks, headHash, copy }: Pick<Prepared, 'blocks' | 'headHash' | 'copy'>,
  count: number,
): Promise<readonly WayRuns[]> {
  const runs = ways.map((): WayRun[] => []);
  const skipped = new Map<Way, string>();
  for (let round = 0; round < count; round++) {
    for (const [index, way] of ways.entries()) {
      const run = skipped.has(way) ? null : await runPair(way.server, way.client);
      const diskBytes = lengthOf(copy);
      rmSync(copy, { recursive: true, force: true });
      if (run === null) continue;
      if ('skipped' in run) skipped.set(way, run.skipped);
      else runs[index]?.push({ ...checked(run, way, way.blocks ?? blocks, headHash), diskBytes });
    }
  }
  return ways.map((way, index) => ({
    way,
    blocks: way.blocks ?? blocks,
    runs: runs[index] ?? [],
    skipped: skipped.get(way) ?? null,
  }));
}

function checked(run: PairRun, way: Way, blocks: number, headHash: string): PairRun {
  const { client } = run;
  if (client.blocks !== blocks) throw new Error(`${way.name}: ${client.blocks} of ${blocks} blocks came.`);
  if (client.headHash !== undefined && client.headHash !== headHash)
    throw new Error(`${way.name}: the newest block is ${client.headHash}, not ${headHash}.`);
  const { mode, modeBlocks = 0 } = client;
  if (way.mode !== null && mode !== way.mode)
    throw new Error(`${way.name}: the client took ${String(mode)}, not ${way.mode}.`);
  if (way.mode !== null && modeBlocks < blocks - MOST_TAIL)
    throw new Error(`${way.name}: after ${modeBlocks} blocks the client went on another way.`);
  return run;
}

/** Length of all files in a directory, in bytes; `null` when there is none. */
function lengthOf(dir: string): number | null {
  if (!existsSync(dir)) return null;
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
