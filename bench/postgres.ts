import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { seal, SEALED_JSON_GENESIS } from '../plugins/chain-sealed-json/index.js';
import { levelStorage } from '../plugins/storage-leveldb/index.js';
import type { Storage } from '../src/contracts/index.js';
import { openChain } from '../src/index.js';
import { documentFrames, fixtureBatch } from '../src/testing/fixture-frames.js';
import { fill } from './fill.js';
import { type PairRun, runPair, type Skipped, start } from './pair.js';
import { cpuMsSince } from './process.js';
import { type BenchServer, startServer } from './postgres-stores.js';
import { inDirectory } from './stream.js';
import type { Workload } from './workloads.js';

/** What one run took. */
export interface Took {
  readonly elapsedMs: number;
  /** Processor time of this project's processes. */
  readonly cpuMs: number;
  /** Processor time of the database meanwhile. */
  readonly serverMs: number;
}

/** The same work in both stores, in turns. */
export interface Contest {
  readonly title: string;
  /** The part of LevelDB's speed that it has to reach. */
  readonly bar: number;
  readonly rounds: readonly { readonly postgres: Took; readonly level: Took }[];
}

/** How long blocks take to come to a follower, in milliseconds. */
export interface Arrivals {
  readonly p50: number;
  readonly p99: number;
  readonly count: number;
}

/** What was measured. */
export interface PostgresResult {
  readonly contests: readonly Contest[];
  readonly arrivals: Arrivals;
}

type Side = 'postgres' | 'level';
const SIDES: readonly Side[] = ['postgres', 'level'];

/** Where the stores are, and what says how much of the machine is used. */
interface Bench {
  readonly dir: string;
  readonly server: BenchServer;
  readonly rounds: number;
}

const FOLLOWERS = 10;
const FOLLOWED_BLOCKS = 200;
const PER_SECOND = 20;
const SETTLE_MS = 2000;

/** Measures a store in PostgreSQL beside one in LevelDB; `null` where PostgreSQL is not installed. */
export async function benchPostgres(
  workloads: readonly Workload[],
  rounds: number,
): Promise<PostgresResult | null> {
  const server = await startServer();
  if (server === null) return null;
  try {
    return await inDirectory(async (dir) => {
      const bench = { dir, server, rounds };
      const contests = [
        await commits(bench, { title: 'commit of 100 blocks of 0.9 KB', bytes: 900, batches: 60, bar: 0.5 }),
        await commits(bench, {
          title: 'commit of 100 blocks of 10 KB',
          bytes: 10_000,
          batches: 15,
          bar: 0.3,
        }),
      ];
      for (const workload of workloads) contests.push(...(await chains(bench, workload)));
      return { contests, arrivals: await arrivals(bench) };
    });
  } finally {
    await server.stop();
  }
}

async function contest(
  { server, rounds }: Bench,
  { title, bar }: Pick<Contest, 'title' | 'bar'>,
  run: (side: Side, round: number) => Promise<Omit<Took, 'serverMs'>>,
): Promise<Contest> {
  const found: { postgres: Took; level: Took }[] = [];
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    const took: Partial<Record<Side, Took>> = {};
    for (const side of SIDES) {
      const before = server.cpuMs();
      const own = await run(side, round);
      took[side] = { ...own, serverMs: side === 'postgres' ? server.cpuMs() - before : 0 };
    }
    const { postgres, level } = took;
    if (round > 0 && postgres !== undefined && level !== undefined) found.push({ postgres, level });
  }
  const ratios = found.map(({ postgres, level }) => level.elapsedMs / postgres.elapsedMs);
  console.log(`${title}: ${ratios.map((each) => each.toFixed(2)).join(' ')}`);
  return { title, bar, rounds: found };
}

let count = 0;

function newStore({ dir, server }: Bench, side: Side): Storage {
  const name = `new${count++}`;
  return side === 'postgres' ? server.store(name) : levelStorage({ location: join(dir, name) }).create();
}

async function measured(work: () => Promise<void>): Promise<Omit<Took, 'serverMs'>> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  await work();
  return { elapsedMs: performance.now() - began, cpuMs: cpuMsSince(cpu) };
}

function commits(
  bench: Bench,
  { title, bytes, batches, bar }: { title: string; bytes: number; batches: number; bar: number },
): Promise<Contest> {
  const frames = documentFrames(Array.from({ length: 100 * batches }, () => ({ bytes })));
  return contest(bench, { title, bar }, async (side) => {
    const store = newStore(bench, side);
    await store.open();
    const took = await measured(async () => {
      for (let at = 0; at < frames.length; at += 100)
        await store.commit(fixtureBatch(frames.slice(at, at + 100)));
    });
    await store.close();
    return took;
  });
}

/** What is done with a whole chain: its tiles are read, it is synced from each store, and into each. */
async function chains(bench: Bench, workload: Workload): Promise<readonly Contest[]> {
  const { server, dir } = bench;
  const storage = {
    postgres: { use: 'postgres', ...server.options(workload.name) },
    level: { use: 'leveldb', location: join(dir, workload.name) },
  } as const;
  for (const side of SIDES) await fill(storage[side], workload);
  const title = (what: string): string => `${what}, ${workload.kind}`;
  const from = (side: Side): object =>
    side === 'postgres' ? { storage: { ...storage.postgres, role: 'reader' } } : storage.level;
  const into = (side: Side): object => {
    const name = `copy${count++}`;
    return side === 'postgres'
      ? { storage: { use: 'postgres', ...server.options(name) } }
      : { location: join(dir, name) };
  };
  const sync = async (served: object, client: object): Promise<Omit<Took, 'serverMs'>> =>
    tookOf(
      await runPair(
        { module: 'server-process', settings: served },
        {
          module: 'client-process',
          settings: { chain: workload.chain, config: { mode: 'auto', threads: 0 }, ...client },
        },
      ),
      workload,
    );
  const read = await tileReads(bench, { title: title('tiles read'), bar: 0.6 }, storage);
  return [
    read,
    await contest(bench, { title: title('sync of a client from it'), bar: 0.75 }, (side) =>
      sync(from(side), into('level')),
    ),
    await contest(bench, { title: title('sync of a client into it'), bar: 0.7 }, (side) =>
      sync(from('level'), into(side)),
    ),
  ];
}

function tookOf(run: PairRun | Skipped, { blocks }: Workload): Omit<Took, 'serverMs'> {
  if ('skipped' in run) throw new Error(run.skipped);
  const { client, server } = run;
  if (client.blocks !== blocks) throw new Error(`${client.blocks} of ${blocks} blocks came.`);
  return { elapsedMs: client.elapsedMs, cpuMs: client.cpuMs + (server?.cpuMs ?? 0) };
}

async function tileReads(
  bench: Bench,
  what: Pick<Contest, 'title' | 'bar'>,
  {
    postgres,
    level,
  }: { readonly postgres: { store?: string | undefined }; readonly level: { location: string } },
): Promise<Contest> {
  const stores = {
    postgres: bench.server.store(postgres.store ?? ''),
    level: levelStorage({ location: level.location }).create(),
  };
  for (const side of SIDES) await stores[side].open();
  const result = await contest(bench, what, (side) =>
    measured(async () => {
      const { tiles } = stores[side];
      for (const tile of (await tiles?.list({ from: 0, to: Number.MAX_SAFE_INTEGER })) ?? [])
        if (((await tiles?.body(tile)) ?? null) === null) throw new Error('A tile is gone.');
    }),
  );
  for (const side of SIDES) await stores[side].close();
  return result;
}

/** Appends blocks of 2 kB, 20 a second, to a store whose reader in another process serves followers. */
async function arrivals({ server }: Bench): Promise<Arrivals> {
  const options = server.options('followed');
  const chain = await openChain({ storage: { use: 'postgres', ...options } });
  let previousHash = SEALED_JSON_GENESIS;
  const times: Record<number, number> = {};
  const append = async (height: number): Promise<void> => {
    const { document, hash } = seal(Buffer.from(JSON.stringify({ text: 'x'.repeat(1800) })), {
      height,
      previousHash,
    });
    previousHash = hash;
    times[height] = now();
    await chain.append([document]);
  };
  await append(0);
  const reader = start({
    module: 'server-process',
    settings: { storage: { use: 'postgres', ...options, role: 'reader' } },
  });
  const [{ url }] = (await once(reader, 'message')) as [{ readonly url: string }];
  const script = fileURLToPath(new URL('./followers-process.js', import.meta.url));
  const followers = fork(script, [`${url}/sync/stream?follow=true&from_height=1`, `${FOLLOWERS}`, '0']);
  await once(followers, 'message');
  // The reader listens from then on at the latest.
  await delay(SETTLE_MS);
  const began = performance.now();
  for (let height = 1; height <= FOLLOWED_BLOCKS; height++) {
    await delay(Math.max(0, began + (height * 1000) / PER_SECOND - performance.now()));
    await append(height);
  }
  await delay(SETTLE_MS);
  const answered = once(followers, 'message');
  followers.send(times);
  const [{ latencies }] = (await answered) as [{ readonly latencies: readonly number[] }];
  followers.disconnect();
  reader.send('stop');
  await once(reader, 'exit');
  await chain.close();
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), count: sorted.length };
}

/** Milliseconds of the clock that all processes of a machine share. */
function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
