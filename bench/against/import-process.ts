import { checkout, preload, tilesMade } from '../checkout.js';
import { startMeter } from '../meter.js';
import { settings, tell } from '../process.js';
import { documentsIn } from './lines.js';

interface Settings {
  readonly file: string;
  readonly location: string;
  readonly dist: string;
  readonly chain: string;
}

/** Most of one `append`, as of one commit of an engine. */
const BATCH = { blocks: 512, bytes: 1024 * 1024 };

/** Appends all documents of a file to a new store, and tells what that took until they were durable, and their tiles made. */
const { file, location, dist, chain: rules } = settings() as Settings;
const { openChain } = await checkout(dist).blockferry();
await preload(dist, rules);
const startedMs = performance.now();
const stop = startMeter();
const chain = await openChain({ storage: { use: 'leveldb', location }, chain: rules });
let batch: Uint8Array[] = [];
let bytes = 0;
for await (const document of documentsIn(file)) {
  batch.push(document);
  bytes += document.length;
  if (batch.length < BATCH.blocks && bytes < BATCH.bytes) continue;
  await chain.append(batch);
  [batch, bytes] = [[], 0];
}
await chain.append(batch);
const elapsedMs = performance.now() - startedMs;
await tilesMade(chain);
const { elapsedMs: madeMs, ...measured } = stop();
const { head } = chain.tip();
await chain.close();
await tell({ ...measured, elapsedMs, madeMs, blocks: (head?.height ?? -1) + 1, headHash: head?.hash });
process.disconnect();
