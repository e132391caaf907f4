// The floor: what a block costs at least, on one core and from memory: gunzip, SHA-256 and JSON.parse, one after the other.
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { startMeter } from '../meter.js';
import { settings, tell } from '../process.js';
import { findWorkload } from '../workloads.js';

interface Settings {
  readonly workload: string;
  readonly blocks: number;
}

const { workload: name, blocks: count } = settings() as Settings;
const workload = findWorkload(name, count);
if (workload === null) throw new Error(`There is no workload ${name}.`);
const stored: Buffer[] = [];
for await (const document of workload.documents()) stored.push(gzipSync(document));

let blocks = 0;
const stop = startMeter();
for (const bytes of stored) {
  const document = gunzipSync(bytes);
  const hash = createHash('sha256').update(document).digest('hex');
  const block = JSON.parse(document.toString()) as unknown;
  // Both are used, so that neither can be left out.
  if (hash.length === 64 && typeof block === 'object') blocks += 1;
}
const measured = stop();
await tell({ ...measured, blocks });
process.disconnect();
