import { join } from 'node:path';
import { fill } from './fill.js';
import { type PairRun, type Program, runPair } from './pair.js';
import { writePlainChain } from './rivals/plain-chain.js';
import { inDirectory } from './stream.js';
import { plainServer } from './ways.js';
import type { Workload } from './workloads.js';

/** Many clients at once on one server, several rounds. */
export interface ClientsResult {
  readonly workload: Workload;
  readonly clients: number;
  /** Blocks that all clients together had in one run. */
  readonly total: number;
  readonly ours: readonly PairRun[];
  readonly plain: readonly PairRun[];
}

/**
 * Lets `clients` light readers read the whole chain at once, from our server and from the plain one in turns. They only
 * count the blocks, in one process, so what is measured is the server.
 *
 * @throws Error when a reader doesn't get all blocks
 */
export async function benchClients(
  workload: Workload,
  clients: number,
  count: number,
): Promise<ClientsResult> {
  return await inDirectory(async (dir) => {
    const [store, file] = [join(dir, 'store'), join(dir, 'plain.ndjson')];
    const { blocks } = await fill(store, workload);
    await writePlainChain(file, workload.documents());
    const reader = (path: string): Program => ({
      module: 'rivals/reader-process',
      settings: { path, clients },
    });
    const server = { module: 'server-process', settings: { location: store } };
    const [ours, plain]: [PairRun[], PairRun[]] = [[], []];
    for (let round = 0; round < count; round++) {
      ours.push(await read(server, reader('/sync/stream?from_height=0'), blocks));
      plain.push(await read(plainServer(file), reader('/stream?from_height=0'), blocks));
    }
    return { workload, clients, total: blocks * clients, ours, plain };
  });
}

async function read(server: Program, reader: Program, blocks: number): Promise<PairRun> {
  const run = await runPair(server, reader);
  if ('skipped' in run) throw new Error(run.skipped);
  if (run.client.blocks !== blocks)
    throw new Error(`The readers had ${run.client.blocks} of ${blocks} blocks.`);
  return run;
}
