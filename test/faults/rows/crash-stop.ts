import { existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkStore } from '../checks.js';
import { clientOptions, finished, isOpen, serve, startClient } from '../client.js';
import { acknowledgedIn, readJournal } from '../journal.js';
import { must, type Row } from '../row.js';
import type { Site } from '../site.js';
import { SlowLine } from '../slow-line.js';
import { makeSource } from '../source.js';
import { type Call, CALLS, ONE_FILE_THREAD, Tracer } from '../tracer.js';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const STOP_MS = 5_000;
const MAX_CALLS = 200;

export const stop: Row = {
  name: 'stop',
  group: 'crash',
  fault: 'SIGTERM in the middle of a sync; a second process opens the store meanwhile',
  bar: 'the second one gets `STORE_LOCKED` and exit status 1; the first one ends within 5 s, with exit status 143; started again, it ends the sync',
  needs: [],
  inSlice: true,
  limitSeconds: 120,
  control: null,
  async run(site) {
    const source = await makeSource(site, 2_000);
    const line = await SlowLine.to(site, await serve(site, source), 60_000);
    const location = site.path('node');
    // By stream the first blocks are there soon; a tile takes long over this line.
    const args = ['sync', '--peer', line.url, '--data', location, '--mode', 'stream'];
    const first = site.program(args);
    await first.find(({ event }) => event === 'checkpoint');
    const second = site.program(args);
    const [code, error] = [await second.exited, second.lines.find(({ event }) => event === 'error')];
    must(code === 1 && error?.['code'] === 'STORE_LOCKED', `${code ?? 'none'} ${String(error?.['code'])}`);
    const startMs = performance.now();
    const status = await first.end('SIGTERM');
    const tookMs = performance.now() - startMs;
    must(status === 143, `exit status ${status ?? 'none'}`);
    must(tookMs <= STOP_MS, `it took ${tookMs.toFixed(0)} ms`);
    const { head } = await checkStore(location, source, { lives: [], hasState: false });
    line.open();
    const third = site.program(args);
    must((await third.exited) === 0, 'the third start did not end the sync');
    const end = await checkStore(location, source, { lives: [], hasState: false });
    must(end.head === source.documents.length - 1, `it ended at ${end.head}`);
    return [`STORE_LOCKED; stopped within ${tookMs.toFixed(0)} ms at block ${head}, then complete`];
  },
};

/** Kills an import at the n-th call. @returns what the store then holds; `null` when there were fewer calls */
async function killedImport(
  site: Site,
  { args, location, call, when }: Import,
): Promise<'nothing' | 'all' | null> {
  rmSync(location, { recursive: true, force: true });
  const tracer = new Tracer(site.path('import.trace'), location, call, when, 'signal=SIGKILL');
  const words = [...tracer.prefix, process.execPath, MAIN, ...args, '--data', location];
  const { code } = await site.spawn(words, ONE_FILE_THREAD).ended;
  if (!tracer.fired()) {
    must(code === 0, `without a kill: exit status ${code ?? 'none'}`);
    return null;
  }
  if (!existsSync(location)) return 'nothing';
  const status = site.program(['status', '--data', location]);
  await status.exited;
  const head = status.lines.map((each) => (each['head'] as { height?: number } | null | undefined)?.height);
  return head.some((height) => height !== undefined) ? 'all' : 'nothing';
}

interface Import {
  readonly args: readonly string[];
  readonly location: string;
  readonly call: Call;
  readonly when: number;
}

export const killedSnapshot: Row = {
  name: 'killed-import',
  group: 'crash',
  fault:
    'a node that begins with a snapshot is killed at its n-th fdatasync, fsync, rename or write, for each third n until there are no more',
  bar: 'its store then holds nothing or all blocks of the snapshot, never a part; started again, it has them all',
  needs: ['Linux', 'strace'],
  inSlice: false,
  limitSeconds: 300,
  control: null,
  async run(site) {
    const source = await makeSource(site, 400);
    const key = site.path('key');
    const made = site.program(['keygen', '--out', key]);
    await made.exited;
    const publicKey = String(made.lines.find((each) => 'publicKey' in each)?.['publicKey']);
    const create = ['snapshot', 'create', '--data', source.location, '--key', key, '--codec', 'gzip'];
    await site.program(create).exited;
    const url = await serve(site, source, { more: ['--key', key] });
    const location = site.path('node');
    const args = ['sync', '--peer', url, '--mode', 'snapshot', '--trust', publicKey];
    const count = { nothing: 0, all: 0 };
    for (const call of CALLS)
      for (let when = 1; when <= MAX_CALLS; when += 3) {
        const held = await killedImport(site, { args, location, call, when });
        if (held === null) break;
        count[held] += 1;
        const again = site.program([...args, '--data', location]);
        must((await again.exited) === 0, `not taken after a kill at ${call} ${when}`);
        const { head } = await checkStore(location, source, { lives: [], hasState: false });
        must(head === source.documents.length - 1, `it ended at ${head}`);
      }
    must(count.nothing > 0, 'no kill was before the snapshot was in place');
    return [
      `${count.nothing + count.all} kills: ${count.nothing} times nothing, ${count.all} times all of it; then all`,
    ];
  },
};

/** Handed to a handler by a client that is stopped and started again: each block once. */
export const stopHandler: Row = {
  name: 'stop-handler',
  group: 'crash',
  fault: 'a client with a handler is told to stop (SIGTERM) 20 times in one sync',
  bar: 'no block is handed to the handler twice, none is left out, the order is kept',
  needs: [],
  inSlice: false,
  limitSeconds: 90,
  control: null,
  async run(site, scale) {
    const rounds = scale.pick(20, 4);
    const source = await makeSource(site, rounds * 150);
    const line = await SlowLine.to(site, await serve(site, source), 300_000);
    const options = clientOptions(site, line.url);
    for (let round = 0; round < rounds; round++) {
      const client = startClient(site, options);
      await isOpen(client);
      await new Promise((resolve) => setTimeout(resolve, 20 + ((round * 67) % 250)));
      client.child.kill('SIGTERM');
      await client.ended;
    }
    line.open();
    const lives = await finished(startClient(site, options), options, source);
    const handed = lives.reduce((sum, each) => sum + each.handed.length, 0);
    must(handed === source.documents.length, `${handed} blocks were handed for ${source.documents.length}`);
    const before = acknowledgedIn(readJournal(options.journal).slice(0, -1));
    return [
      `${handed} blocks handed in ${lives.length} lives, ${before + 1} of them durable before the last`,
    ];
  },
};
