import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { http2Fetch } from '../../../src/http2-client/index.js';
import { createSyncEngine, type SyncEngineConfig } from '../../../src/index.js';
import { Producer } from '../producer.js';
import { Program, run } from '../program.js';
import { type Nginx, programMissing, startNginx } from './nginx.js';
import { type Asked, CountingProxy } from './origin.js';

const CLIENTS = 100;
/** So many run in this one process at the same time. */
const AT_ONCE = 20;
const BLOCKS = 1_300;
/** Of each block, so that a chain of few blocks takes several ranges. */
const RANDOM_BYTES = 2_600;
const FINALITY = 64;
const LIVE_BLOCKS = 50;
const LIVE_EVERY_MS = 100;
const BAR_MS = 1_000;

interface World {
  readonly nginx: Nginx;
  readonly origin: CountingProxy;
  readonly server: Program;
  readonly producer: Producer;
  readonly publicKey: string;
}

/** The documented nginx before `blockferry serve`: what a hundred nodes cost the origin, and how soon live blocks come. */
export async function nginx(): Promise<void> {
  const missing = programMissing('nginx', '-v') ?? programMissing('openssl', 'version');
  if (missing !== null) {
    console.log(`nginx: skipped, ${missing}`);
    return;
  }
  const dir = mkdtempSync(join(tmpdir(), 'nginx-'));
  const closers: (() => Promise<unknown>)[] = [];
  try {
    const world = await start(dir, closers);
    await ranges(world);
    await snapshots(world);
    await live(world);
    const errors = readFileSync(join(dir, 'error.log'), 'utf8');
    if (errors !== '') console.log(errors.split('\n').slice(0, 5).join('\n'));
  } finally {
    for (const close of closers.reverse()) await close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function start(dir: string, closers: (() => Promise<unknown>)[]): Promise<World> {
  const keyFile = join(dir, 'snapshot.key');
  const made = await run(['keygen', '--out', keyFile]);
  const publicKey = String(made.at(-1)?.['publicKey']);
  const store = ['--data', join(dir, 'a'), '--chain', 'sealed-json', '--ingest', '-', '--port', '0'];
  const server = new Program([
    'serve',
    ...store,
    '--cache',
    'public',
    '--key',
    keyFile,
    '--finality-depth',
    String(FINALITY),
  ]);
  closers.push(() => server.end());
  const { port } = new URL(await server.url());
  const producer = new Producer('blocks', RANDOM_BYTES);
  server.write(producer.lines(BLOCKS));
  await headIs(`http://127.0.0.1:${port}`, BLOCKS - 1);
  const origin = await CountingProxy.before(Number(port));
  closers.push(() => origin.close());
  const proxy = await startNginx(dir, origin.port);
  closers.push(() => proxy.end());
  return { nginx: proxy, origin, server, producer, publicKey };
}

async function headIs(url: string, height: number): Promise<void> {
  for (;;) {
    const response = await fetch(`${url}/sync/status`);
    const { head } = (await response.json()) as { head: { height: number } | null };
    if (head?.height === height) return;
    await delay(50);
  }
}

async function ranges(world: World): Promise<void> {
  const startMs = performance.now();
  const retries = await allClients(world, { mode: 'json' });
  const seconds = (performance.now() - startMs) / 1000;
  report(
    `${CLIENTS} nodes by ranges, ${AT_ONCE} at a time, ${BLOCKS} blocks`,
    world.origin,
    '/sync/json',
    seconds,
    retries,
  );
}

async function snapshots(world: World): Promise<void> {
  // The first who asks has it made.
  while ((await fetch(`http://127.0.0.1:${world.origin.port}/sync/snapshot/manifest`)).status !== 200)
    await delay(200);
  world.origin.asked = [];
  const startMs = performance.now();
  const retries = await allClients(world, { mode: 'snapshot', trust: { signers: [world.publicKey] } });
  const seconds = (performance.now() - startMs) / 1000;
  report(
    `${CLIENTS} nodes by snapshot, ${AT_ONCE} at a time`,
    world.origin,
    '/sync/snapshot/',
    seconds,
    retries,
  );
}

async function allClients(world: World, config: Partial<SyncEngineConfig>): Promise<number> {
  let [started, retries] = [0, 0];
  const lane = async (): Promise<void> => {
    while (started < CLIENTS) {
      started += 1;
      retries += await oneClient(world, config);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return retries;
}

/** One node with a connection of its own. @returns how often it had to try again. */
async function oneClient(
  { nginx: proxy, producer }: World,
  config: Partial<SyncEngineConfig>,
): Promise<number> {
  const fetch = http2Fetch({ connect: { ca: proxy.ca } });
  const peers = [`${proxy.url}/sync`];
  const engine = createSyncEngine({
    ...config,
    peers,
    storage: { use: 'memory' },
    codecs: ['identity'],
    fetch,
  });
  let retries = 0;
  engine.events.subscribe((event) => {
    if (event.type === 'retry') retries += 1;
  });
  try {
    await engine.start();
    const { head } = engine.chain?.tip() ?? {};
    if (head?.hash !== producer.hash) throw new Error(`a node is at ${String(head?.height)}`);
    return retries;
  } finally {
    await engine.close();
    await fetch.close();
  }
}

/** @throws Error when the origin was asked twice for what never changes. */
function report(
  title: string,
  { asked }: CountingProxy,
  below: string,
  seconds: number,
  retries: number,
): void {
  const bodies = asked.filter(({ what }) => what.startsWith(below));
  const final = bodies.filter(({ immutable }) => immutable);
  const distinct = new Set(final.map(({ what }) => what)).size;
  const others = asked.length - bodies.length;
  console.log(
    `${title}: ${seconds.toFixed(1)} s, ${retries} retries; the origin sent ${final.length} immutable answers ` +
      `(${distinct} different, ${megabytes(final)} MB), ${bodies.length - final.length} of what may change ` +
      `(${megabytes(bodies.filter(({ immutable }) => !immutable))} MB) and ${others} other answers`,
  );
  const failed = asked.filter(({ status }) => status >= 400).length;
  if (failed > 0) console.log(`  ${failed} of them were refused`);
  if (final.length === 0) throw new Error('nothing was final');
  if (final.length !== distinct) throw new Error('what never changes was asked for twice');
}

function megabytes(asked: readonly Asked[]): string {
  return (asked.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6).toFixed(2);
}

async function live({ nginx: proxy, server, producer }: World): Promise<void> {
  const fetch = http2Fetch({ connect: { ca: proxy.ca } });
  const peers = [`${proxy.url}/sync`];
  const engine = createSyncEngine({ peers, storage: { use: 'memory' }, follow: true, mode: 'stream', fetch });
  const sent = new Map<number, number>();
  const times: number[] = [];
  engine.events.subscribe((event) => {
    const sentMs = event.type === 'block' ? sent.get(event.header.height) : undefined;
    if (sentMs !== undefined) times.push(performance.now() - sentMs);
  });
  const following = engine.start();
  following.catch(() => undefined);
  try {
    while (engine.state.phase !== 'synced') await delay(50);
    for (let made = 0; made < LIVE_BLOCKS; made++) {
      const line = producer.next();
      sent.set(producer.height, performance.now());
      server.write(line);
      await delay(LIVE_EVERY_MS);
    }
    await delay(BAR_MS);
  } finally {
    await engine.close();
    await following.catch(() => undefined);
    await fetch.close();
  }
  times.sort((a, b) => a - b);
  const [median = 0, max = Infinity] = [times[Math.floor(times.length / 2)], times.at(-1)];
  console.log(
    `${times.length} live blocks through nginx: from the producer to a durable block after ` +
      `${median.toFixed(0)} ms (median), ${max.toFixed(0)} ms at most`,
  );
  if (times.length !== LIVE_BLOCKS || max > BAR_MS) throw new Error(`later than after ${BAR_MS} ms`);
}
