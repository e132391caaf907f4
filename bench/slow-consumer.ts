import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seal, SEALED_JSON_GENESIS } from '../plugins/chain-sealed-json/index.js';
import { fill } from './fill.js';
import { type Heap, HEAPS } from './heaps.js';
import { start } from './pair.js';
import { pseudoRandom } from './random.js';

/** How long the consumer takes for a block. */
const WORK_MS = Number(process.env['BENCH_WORK_MS'] ?? 2);

/** The ways a block gets to a consumer. */
const WAYS = ['run', 'events'] as const;

/** Memory of a process at one moment, in bytes. */
export interface MemorySample {
  readonly rss: number;
  /** Of `rss`: the process's own. */
  readonly anon: number;
  /** Of `rss`: pages of files that are mapped, program code and LevelDB's tables. */
  readonly file: number;
  readonly heapTotal: number;
  readonly heapUsed: number;
  readonly external: number;
}

/** What the client's process tells. */
export interface SlowConsumerReport {
  readonly elapsedMs: number;
  readonly blocks: number;
  /** Of the last block. */
  readonly hash: string | null;
  /** The highest of the samples taken twice a second. */
  readonly peak: MemorySample;
  /** The highest at all. */
  readonly maxRssBytes: number;
}

/** One sync with a slow consumer. */
export interface SlowConsumerRun extends SlowConsumerReport {
  readonly way: (typeof WAYS)[number];
  /** The client's. */
  readonly heap: Heap;
  readonly serverRssBytes: number;
}

const modulePath = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

/** Makes a store of `blocks` blocks and syncs it to a consumer that is slow, in each of the ways. */
export async function benchSlowConsumer(blocks: number): Promise<readonly SlowConsumerRun[]> {
  const dir = mkdtempSync(join(tmpdir(), 'blockferry-bench-'));
  try {
    const source = join(dir, 'source');
    const { headHash } = await fill(source, { chain: 'sealed-json', documents: () => documents(blocks) });
    const runs: SlowConsumerRun[] = [];
    for (const heap of HEAPS)
      for (const way of WAYS) runs.push(await runOnce(source, join(dir, way), { way, heap, blocks }));
    for (const run of runs) {
      if (run.blocks !== blocks || run.hash !== headHash)
        throw new Error(`${run.way}: the consumer had ${run.blocks} of ${blocks} blocks.`);
    }
    return runs;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function runOnce(
  source: string,
  copy: string,
  { way, heap, blocks }: Pick<SlowConsumerRun, 'way' | 'heap' | 'blocks'>,
): Promise<SlowConsumerRun> {
  const server = start({ module: 'server-process', settings: { location: source } });
  try {
    const [{ url }] = (await once(server, 'message')) as [{ readonly url: string }];
    const args = [url, copy, way, String(blocks), String(WORK_MS)];
    const report = await reportOf(args, heap.nodeOptions);
    const stopped = once(server, 'message');
    server.send('stop');
    const [{ maxRssBytes: serverRssBytes }] = (await stopped) as [{ readonly maxRssBytes: number }];
    return { ...report, way, heap, serverRssBytes };
  } catch (error) {
    server.kill();
    throw error;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

async function reportOf(args: readonly string[], execArgv: readonly string[]): Promise<SlowConsumerReport> {
  const client = fork(modulePath('slow-consumer-process'), args, { execArgv: [...execArgv] });
  const reports: SlowConsumerReport[] = [];
  client.once('message', (message) => reports.push(message as SlowConsumerReport));
  await once(client, 'exit');
  const [report] = reports;
  if (report === undefined)
    throw new Error(`The client ended with status ${String(client.exitCode)} and no report.`);
  return report;
}

/** Blocks of about 4.7 KB: records whose names repeat and whose values do not; the same ones each time. */
async function* documents(count: number): AsyncGenerator<Uint8Array> {
  const random = pseudoRandom(1);
  let previousHash = SEALED_JSON_GENESIS;
  for (let height = 0; height < count; height++) {
    const records = Array.from({ length: 24 }, (_, index) => record(random, height * 24 + index));
    const payload = Buffer.from(JSON.stringify({ timestamp: 1_700_000_000_000 + height * 1000, records }));
    const { document, hash } = seal(payload, { height, previousHash });
    previousHash = hash;
    yield await Promise.resolve(document);
  }
}

function record(random: () => number, id: number): object {
  const digits = (count: number): string =>
    Array.from({ length: count }, () => random().toString(16).padStart(8, '0')).join('');
  const code = `code-${random() % 500}`;
  return {
    resourceType: 'Observation',
    id: `observation-${id}`,
    status: 'final',
    code,
    subject: digits(3),
    value: random() / 7,
    note: digits(5),
  };
}
