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
import { type Contest, contest, inSteps, type Rounds, type Side, SIDES, type Took } from './contest.js';
import { fill } from './fill.js';
import { type PairRun, report, runPair, type Skipped, start } from './pair.js';
import { type BenchServer, startServer } from './postgres-stores.js';
import { inDirectory } from './stream.js';
import type { Workload } from './workloads.js';

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

/** Where the stores are. */
interface Bench extends Rounds {
  readonly dir: string;
  readonly server: BenchServer;
}

const FOLLOWERS = 10;
const FOLLOWED_BLOCKS = 200;
const PER_SECOND = 20;
const SETTLE_MS = 2000;
/** How often a store's tiles are read in a round: so often that it is not the first reads that are measured. */
const TILE_PASSES = 50;

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

let count = 0;

function newStore({ dir, server }: Bench, side: Side): Storage {
  const name = `new${count++}`;
  return side === 'postgres' ? server.store(name) : levelStorage({ location: join(dir, name) }).create();
}

function commits(
  bench: Bench,
  { title, bytes, batches, bar }: { title: string; bytes: number; batches: number; bar: number },
): Promise<Contest> {
  const frames = documentFrames(Array.from({ length: 100 * batches }, () => ({ bytes })));
  return inSteps(bench, { title, bar }, async () => {
    const stores = { postgres: newStore(bench, 'postgres'), level: newStore(bench, 'level') };
    for (const side of SIDES) await stores[side].open();
    return {
      count: batches,
      take: (side, index) => stores[side].commit(fixtureBatch(frames.slice(100 * index, 100 * (index + 1)))),
      close: () => closed(stores),
    };
  });
}

async function closed(stores: Readonly<Record<Side, Storage>>): Promise<void> {
  for (const side of SIDES) await stores[side].close();
}

/** What is done with a whole chain, in new processes: its tiles are read, it is synced from each store, and into each. */
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
  const reading = { postgres: { ...storage.postgres, role: 'reader' }, level: storage.level };
  return [
    await contest(bench, { title: title('tiles read'), bar: 0.6 }, (side) =>
      report(
        start({ module: 'tile-reads-process', settings: { storage: reading[side], passes: TILE_PASSES } }),
      ),
    ),
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
  const gone = once(followers, 'exit');
  followers.disconnect();
  await gone;
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
