import { checkout, preload } from '../checkout.js';
import { startMeter } from '../meter.js';
import { settings, tell } from '../process.js';
import { pseudoRandom } from '../random.js';
import { percentile } from './statistics.js';

interface Settings {
  readonly store: string;
  readonly dist: string;
  readonly chain: string;
  /** How many are read. */
  readonly blocks: number;
  readonly seed: number;
}

/** Blocks that are read before the store is opened anew, so that its caches are cold. */
const PER_OPEN = 20;

/** Reads single blocks at random heights, and tells how long each took. The system's cache of files is warm. */
const { store, dist, chain: rules, blocks, seed } = settings() as Settings;
const { openChain } = await checkout(dist).blockferry();
await preload(dist, rules);
const random = pseudoRandom(seed);
const times: number[] = [];
const stop = startMeter();
while (times.length < blocks) await readSome();
const measured = stop();
const latency = { p50Ms: percentile(times, 50), p99Ms: percentile(times, 99) };
await tell({ ...measured, blocks: times.length, latency });
process.disconnect();

async function readSome(): Promise<void> {
  const chain = await openChain({ storage: { use: 'leveldb', location: store, createIfMissing: false } });
  const height = chain.tip().head?.height ?? -1;
  for (let count = 0; count < PER_OPEN && times.length < blocks; count++) {
    const at = random() % (height + 1);
    const startedMs = performance.now();
    const block = await chain.get(at);
    times.push(performance.now() - startedMs);
    if (block?.height !== at) throw new Error(`Block ${at} is not there.`);
  }
  await chain.close();
}
