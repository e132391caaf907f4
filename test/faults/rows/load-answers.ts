import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { serve } from '../client.js';
import { heldBy, probe, probedText, request } from '../load.js';
import { must, type Row } from '../row.js';
import type { Site } from '../site.js';
import { makeSource } from '../source.js';

const PARALLEL = 8;
const BLOCKS = 10_000;

/** Reads an answer to its end. */
async function answered(site: Site, url: string, client: number): Promise<Answered> {
  const startMs = performance.now();
  const response = await request(site, url, client);
  const hash = createHash('sha256');
  let firstMs = Number.NaN;
  let bytes = 0;
  for await (const chunk of response) {
    if (bytes === 0) firstMs = performance.now() - startMs;
    bytes += (chunk as Buffer).length;
    hash.update(chunk as Buffer);
  }
  return { status: response.statusCode ?? 0, firstMs, bytes, digest: hash.digest('hex') };
}

interface Answered {
  readonly status: number;
  /** Until the first byte of the body. */
  readonly firstMs: number;
  readonly bytes: number;
  readonly digest: string;
}

export const largeRanges: Row = {
  name: 'large-ranges',
  group: 'load',
  fault: '8 clients ask for a range of 10,000 blocks at one time, 5 times each (in a slice once)',
  bar: 'each first byte within 500 ms, the server grows by at most 150 MB, no answer but 200',
  needs: ['Linux'],
  inSlice: false,
  limitSeconds: 120,
  control: null,
  async run(site, scale) {
    const source = await makeSource(site, BLOCKS);
    const program = site.program(['serve', '--data', source.location, '--port', '0']);
    const url = await program.url();
    const range = `${url}/sync/json?from=0&to=${BLOCKS - 1}`;
    await answered(site, range, 0);
    const before = heldBy(program.child.pid).rssMegabytes;
    const probing = probe(site, url);
    let most = 0;
    let firstMs = 0;
    const digests = new Set<string>();
    for (let round = 0; round < scale.pick(5, 1); round++) {
      const answers = await Promise.all(
        Array.from({ length: PARALLEL }, (_, client) => answered(site, range, client)),
      );
      most = Math.max(most, heldBy(program.child.pid).rssMegabytes - before);
      for (const each of answers) {
        must(each.status === 200, `status ${each.status}`);
        digests.add(each.digest);
        firstMs = Math.max(firstMs, each.firstMs);
      }
    }
    const probed = await probing.stop();
    must(digests.size === 1, 'the answers differ');
    must(most <= 150, `${most.toFixed(0)} MB more`);
    must(scale.isSlice || firstMs <= 500, `a first byte took ${firstMs.toFixed(0)} ms`);
    return [
      `first byte within ${firstMs.toFixed(0)} ms, ${most.toFixed(0)} MB more at most`,
      probedText(probed),
    ];
  },
};

export const coldSnapshot: Row = {
  name: 'cold-snapshot',
  group: 'load',
  fault: '20 clients ask a server that has just been started for the snapshot that it has not made yet',
  bar: '503 `SNAPSHOT_BUILDING` with Retry-After until it is there; made once; then 20 answers with the same bytes; others are answered, p99 below 250 ms',
  needs: [],
  inSlice: true,
  limitSeconds: 120,
  control: null,
  async run(site, scale) {
    const source = await makeSource(site, scale.pick(10_000, 1_500));
    const key = site.path('key');
    await site.program(['keygen', '--out', key]).exited;
    const url = await serve(site, source, { more: ['--key', key] });
    const probing = probe(site, url);
    const ask = (path: string): Promise<readonly Answered[]> =>
      Promise.all(Array.from({ length: 20 }, (_, client) => answered(site, `${url}${path}`, client)));
    let rounds = 0;
    let waited = 0;
    let answers = await ask('/sync/snapshot?type=recent');
    while (answers.some(({ status }) => status !== 200)) {
      const other = answers.find(({ status }) => status !== 200 && status !== 503);
      must(other === undefined, `status ${other?.status ?? 0}`);
      must(rounds < 120, 'the snapshot was not made within 60 s');
      rounds += 1;
      waited += answers.filter(({ status }) => status === 503).length;
      await delay(500);
      answers = await ask('/sync/snapshot?type=recent');
    }
    const probed = await probing.stop();
    const made = readdirSync(`${source.location}/snapshots`).filter((name) => name.startsWith('recent-'));
    must(new Set(answers.map(({ digest }) => digest)).size === 1, 'the answers differ');
    must(made.length === 1, `made ${made.length} times: ${made.join()}`);
    must(scale.isSlice || probed.p99Ms < 250, probedText(probed));
    const bytes = answers[0]?.bytes ?? 0;
    return [`${waited} answers 503, then 20 of the same ${bytes} bytes, made once`, probedText(probed)];
  },
};
