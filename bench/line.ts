import { join } from 'node:path';
import { fill } from './fill.js';
import { type Line, withLine } from './network.js';
import { report, start } from './pair.js';
import { writePlainChain } from './rivals/plain-chain.js';
import { inDirectory, measureWays, type WayRuns } from './stream.js';
import { ours, plainServer, type Way } from './ways.js';
import type { Workload } from './workloads.js';

/** What a chain took over a slow line. */
export interface LineResult {
  readonly workload: Workload;
  readonly mbit: number;
  readonly ways: readonly WayRuns[];
  /** Raw JSON of a part of the chain, from the plain server. */
  readonly raw: WayRuns;
  /** Bytes of all documents with what stands between them. */
  readonly rawBytes: number;
  /** The same of the part. */
  readonly rawPartBytes: number;
}

/** Raw JSON takes so long that it is computed from its bytes, and checked on as many blocks. */
const RAW_BLOCKS = 200;

/** How a line is measured. */
export interface LineOptions {
  readonly mbit: number;
  /** How often in each way. */
  readonly count: number;
  readonly isWanted: (way: Way) => boolean;
}

/** Brings a chain over a line between two network namespaces. */
export async function benchLine(
  workload: Workload,
  { mbit, count, isWanted }: LineOptions,
): Promise<LineResult> {
  return await inDirectory(async (dir) => {
    const [store, copy, file] = [join(dir, 'store'), join(dir, 'copy'), join(dir, 'plain.ndjson')];
    const filled = await fill(store, workload);
    const settings = { location: store, directory: join(store, 'snapshots') };
    await report(start({ module: 'snapshot-make-process', settings }));
    const { blocks, documentBytes } = filled;
    const part = Math.min(RAW_BLOCKS, blocks);
    const partBytes = await writePart(file, workload, part);
    return await withLine(mbit, async (line) => {
      const place = { ...filled, copy };
      const over = (way: Way): Way => overLine(way, line);
      const [raw] = await measureWays([over(rawWay(file, copy, part))], place, 1);
      const all = ours({ store, copy, chain: workload.chain }).filter(({ name }) => name !== 'identity');
      const wanted = [...all, ...all.flatMap(auto)].filter(isWanted);
      const ways = await measureWays(wanted.map(over), place, count);
      if (raw === undefined) throw new Error('Nothing was measured.');
      return { workload, mbit, ways, raw, rawBytes: documentBytes + blocks, rawPartBytes: partBytes + part };
    });
  });
}

/** Writes the plain chain's first blocks. @returns the bytes of their documents. */
async function writePart(file: string, workload: Workload, count: number): Promise<number> {
  let bytes = 0;
  async function* part(): AsyncGenerator<Uint8Array> {
    let taken = 0;
    for await (const document of workload.documents()) {
      bytes += document.length;
      yield document;
      taken += 1;
      if (taken === count) return;
    }
  }
  await writePlainChain(file, part());
  return bytes;
}

function overLine(way: Way, { server, client, host }: Line): Way {
  if (way.server === null) throw new Error(`${way.name} has no server.`);
  return {
    ...way,
    server: { ...way.server, namespace: server, env: { BENCH_LISTEN: host } },
    client: { ...way.client, namespace: client },
  };
}

function rawWay(file: string, copy: string, blocks: number): Way {
  return {
    name: 'raw',
    title: 'raw JSON',
    chain: 'plain',
    blocks,
    mode: null,
    server: plainServer(file),
    client: { module: 'rivals/plain-client-process', settings: { location: copy, way: 'json' } },
  };
}

/** The snapshot's client with the choice. */
function auto(way: Way): Way | readonly [] {
  if (way.name !== 'snapshot') return [];
  const client = { ...way.client, settings: { ...way.client.settings, config: { mode: 'auto' } } };
  return { ...way, name: 'auto', title: 'best mode (`auto`)', mode: null, client };
}
