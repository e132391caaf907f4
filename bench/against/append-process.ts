import { checkout, preload } from '../checkout.js';
import { startMeter } from '../meter.js';
import { settings, tell } from '../process.js';
import { documentsIn } from './lines.js';
import { percentile } from './statistics.js';

interface Settings {
  readonly file: string;
  readonly location: string;
  readonly dist: string;
  readonly chain: string;
  readonly blocks: number;
}

/** Appends single blocks to a new store, one after the other, and tells how long each took. Tiles are made meanwhile. */
const { file, location, dist, chain: rules, blocks } = settings() as Settings;
const { openChain } = await checkout(dist).blockferry();
await preload(dist, rules);
const chain = await openChain({ storage: { use: 'leveldb', location }, chain: rules });
const times: number[] = [];
const stop = startMeter();
for await (const document of documentsIn(file)) {
  const startedMs = performance.now();
  await chain.append([document]);
  times.push(performance.now() - startedMs);
  if (times.length === blocks) break;
}
const measured = stop();
await chain.close();
const latency = { p50Ms: percentile(times, 50), p99Ms: percentile(times, 99) };
await tell({ ...measured, blocks: times.length, latency });
process.disconnect();
