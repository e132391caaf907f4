import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { concatMap, filter } from 'rxjs';
import { hashOf } from '../plugins/chain-sealed-json/form.js';
import { type Block, createSyncEngine, type SyncEngine } from '../src/index.js';
import { peakRssBytes } from './process.js';
import type { MemorySample, SlowConsumerReport } from './slow-consumer.js';

/**
 * Syncs a new store (argv: URL, directory, way, blocks, milliseconds a block) with a consumer that takes its time, checks
 * that it got each block once and in order, and tells how long it took and what the memory was at its highest.
 */
const [url = '', location = '', way = 'run', blocksText = '0', workText = '2'] = process.argv.slice(2);
const blocks = Number(blocksText);
const workMs = Number(workText);
const SAMPLE_MS = 500;
let reached = -1;
let previousHash: string | null = null;
let peak = sample();

/** What the consumer does with a block. */
async function take(block: Block): Promise<void> {
  if (block.height !== reached + 1) throw new Error(`Block ${block.height} came after block ${reached}.`);
  if (previousHash !== null && block.previousHash !== previousHash)
    throw new Error(`Block ${block.height} does not fit on the one before it.`);
  if (hashOf(block.bytes) !== block.hash) throw new Error(`Block ${block.height} has a wrong hash.`);
  reached = block.height;
  previousHash = block.hash;
  await delay(workMs);
}

function sample(): MemorySample {
  const status = readFileSync('/proc/self/status', 'utf8');
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  const { heapTotal, heapUsed, external } = process.memoryUsage();
  return {
    rss: bytes('VmRSS'),
    anon: bytes('RssAnon'),
    file: bytes('RssFile'),
    heapTotal,
    heapUsed,
    external,
  };
}

function watch(): void {
  const now = sample();
  if (now.rss > peak.rss) peak = now;
  if (process.env['BENCH_VERBOSE'] !== undefined) console.log(way, reached, JSON.stringify(megabytes(now)));
}

function megabytes(of: MemorySample): object {
  return Object.fromEntries(
    Object.entries(of).map(([name, bytes]) => [name, Math.round(Number(bytes) / 1e6)]),
  );
}

async function byEvents(engine: SyncEngine): Promise<void> {
  const all = new Promise<void>((resolve, reject) => {
    const taken = engine.events.pipe(
      filter((event) => event.type === 'block'),
      concatMap(async (event) => {
        await take(await event.block());
        if (reached === blocks - 1) resolve();
      }),
    );
    taken.subscribe({ error: reject });
  });
  await engine.start();
  await all;
}

const engine = createSyncEngine({
  peers: [url],
  storage: { use: 'leveldb', location },
  codecs: ['gzip'],
  mode: 'stream',
});
const timer = setInterval(watch, SAMPLE_MS);
const startedMs = performance.now();
if (way === 'run') await engine.run(take);
else await byEvents(engine);
const elapsedMs = performance.now() - startedMs;
clearInterval(timer);
await engine.close();
const report: SlowConsumerReport = {
  elapsedMs,
  blocks: reached + 1,
  hash: previousHash,
  peak,
  maxRssBytes: peakRssBytes(),
};
process.send?.(report);
