import { gunzipSync } from 'node:zlib';
import { createParser } from 'eventsource-parser';
import { serve } from '../client.js';
import { heldBy, probe, probedText, request } from '../load.js';
import { must, type Row } from '../row.js';
import type { Site } from '../site.js';
import { makeSource, type Source } from '../source.js';

const READERS = 50;

/** Reads a whole stream and compares it, block by block. @returns how many blocks came */
async function readAll(
  site: Site,
  url: string,
  client: number,
  source: Source,
  seen: string[],
): Promise<number> {
  const response = await request(site, `${url}/sync/stream?from_height=0`, client);
  must(response.statusCode === 200, `reader ${client} was answered ${response.statusCode ?? 0}`);
  let next = 0;
  const parser = createParser({
    onEvent: ({ event, id, data }) => {
      if (event !== 'block') return;
      must(id === String(next), `reader ${client} got block ${id ?? 'none'} for ${next}`);
      // The first one to get a block decodes it; the others have to get the same text.
      if (seen[next] === undefined) {
        const bytes = gunzipSync(Buffer.from(data, 'base64'));
        must(
          Buffer.compare(bytes, source.documents[next] ?? bytes.subarray(1)) === 0,
          `block ${next} is another`,
        );
        seen[next] = data;
      }
      must(seen[next] === data, `reader ${client} got another block ${next}`);
      next += 1;
    },
  });
  response.setEncoding('utf8');
  for await (const chunk of response) parser.feed(chunk as string);
  return next;
}

export const manyReaders: Row = {
  name: 'many-readers',
  group: 'load',
  fault: '50 clients read 10,000 blocks each at one time (in a slice 500 each)',
  bar: 'all of the blocks are right, none fails; 8,000 blocks/s in all',
  needs: [],
  inSlice: true,
  limitSeconds: 180,
  control: null,
  async run(site, scale) {
    const blocks = scale.pick(10_000, 500);
    const source = await makeSource(site, blocks);
    const url = await serve(site, source);
    const probing = probe(site, url);
    const seen: string[] = [];
    const startMs = performance.now();
    const counts = await Promise.all(
      Array.from({ length: READERS }, (_, client) => readAll(site, url, client, source, seen)),
    );
    const seconds = (performance.now() - startMs) / 1000;
    const total = counts.reduce((sum, count) => sum + count, 0);
    must(total === READERS * blocks, `${total} blocks came`);
    const rate = total / seconds;
    must(scale.isSlice || rate >= 8_000, `${rate.toFixed(0)} blocks/s`);
    const probed = await probing.stop();
    must(probed.failed === 0, `${probed.failed} small requests failed`);
    return [`${total} blocks in ${seconds.toFixed(1)} s, ${rate.toFixed(0)} blocks/s`, probedText(probed)];
  },
};

const MAX_GROWTH_MEGABYTES = 50;
const SLOW_BYTES = 1_000;

/** Readers that take 1 kB/s each, and how much the server's process grows. */
async function slowly(site: Site, url: string, pid: number | undefined, seconds: number): Promise<number> {
  const before = heldBy(pid).rssMegabytes;
  const responses = await Promise.all(
    Array.from({ length: READERS }, (_, client) =>
      request(site, `${url}/sync/stream?from_height=0`, client + 100),
    ),
  );
  for (const response of responses) response.on('error', () => undefined).pause();
  let most = 0;
  for (let second = 0; second < seconds; second++) {
    for (const response of responses) response.read(SLOW_BYTES);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    most = Math.max(most, heldBy(pid).rssMegabytes - before);
    must(
      most <= MAX_GROWTH_MEGABYTES,
      `${READERS} slow readers cost ${most.toFixed(0)} MB after ${second + 1} s`,
    );
  }
  return most;
}

export const slowReaders: Row = {
  name: 'slow-readers',
  group: 'load',
  fault: '50 clients read 1 kB/s each for 45 s (in a slice 3 s)',
  bar: 'the server grows by at most 50 MB, and answers others: p99 below 250 ms',
  needs: ['Linux'],
  inSlice: true,
  limitSeconds: 220,
  async run(site, scale) {
    const source = await makeSource(site, scale.pick(20_000, 5_000));
    const program = site.program(['serve', '--data', source.location, '--port', '0']);
    const url = await program.url();
    // What one reader needs is not counted against the slow ones.
    await readAll(site, url, 0, source, []);
    const probing = probe(site, url);
    const most = await slowly(site, url, program.child.pid, scale.pick(45, 3));
    const probed = await probing.stop();
    must(scale.isSlice || probed.p99Ms < 250, `p99 ${probed.p99Ms.toFixed(0)} ms`);
    return [`${most.toFixed(1)} MB more at most`, probedText(probed)];
  },
  control: {
    broken: 'a server that writes on when a socket is full',
    needs: [],
    async run(site) {
      const script = new URL('../deaf-server-process.js', import.meta.url);
      const { child } = site.spawn([process.execPath, script.pathname]);
      const url = await new Promise<string>((resolve) =>
        child.stdout?.once('data', (text: Buffer) => {
          resolve(text.toString().trim());
        }),
      );
      await slowly(site, url, child.pid, 20);
    },
  },
};
