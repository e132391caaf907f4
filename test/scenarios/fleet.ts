import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPostgresStore } from '../../plugins/storage-postgres/index.js';
import { openChain } from '../../src/index.js';
import { Fleet, type Instance } from '../fleet/fleet.js';
import { startStandby } from '../fleet/standby.js';
import { startPostgres } from '../helpers/postgres.js';
import { postgresPrograms } from '../helpers/postgres-programs.js';
import { eventOf, Program, run } from './program.js';

const FOLLOWERS = 30;
const LAGS_MS = [400, 800];
const LEASE_MS = 3_000;

/**
 * Three `serve --role reader`, of a primary and two standbys that show everything 0.4 and 0.8 s later, behind a balancer that
 * gives each request to the next of them; 30 followers; blocks, forks, and every server killed and started again meanwhile.
 */
export async function fleet(): Promise<void> {
  const bin = postgresPrograms();
  if (bin === null) {
    console.log('skipped: PostgreSQL is not installed');
    return;
  }
  const database = await startPostgres(bin);
  try {
    await createPostgresStore({ url: database.url });
    const parts = {
      lagging: () => behindEachOther(bin, database),
      told: () => arrivals(database, { how: 'notifications', store: 'told', blocks: 200, everyMs: 50 }),
      // Notifications don't leave a database.
      polling: () =>
        arrivals(database, {
          how: 'readers that nothing is told to, and look once a second',
          store: 'polling',
          blocks: 60,
          everyMs: 313,
          listenUrl: database.url.replace(/postgres$/, 'template1'),
        }),
      roles: () => takeOver(database.url),
    };
    const wanted = process.env['PARTS']?.split(',') ?? Object.keys(parts);
    for (const [name, part] of Object.entries(parts)) if (wanted.includes(name)) await part();
  } finally {
    await database.stop();
  }
}

async function behindEachOther(
  bin: string,
  { url, port }: { readonly url: string; readonly port: number },
): Promise<void> {
  const storage = { use: 'postgres', url, store: 'fleet', durability: 'primary' } as const;
  const writer = await openChain({ storage, chain: 'sealed-json' });
  const dir = mkdtempSync(join(tmpdir(), 'fleet-'));
  const key = join(dir, 'snapshot.key');
  await run(['keygen', '--out', key]);
  const shelf = join(dir, 'snapshots');
  const standbys = [];
  for (const lagMs of LAGS_MS) standbys.push(await startStandby(bin, port, lagMs));
  let built = 0;
  const start = async (databasePort: number): Promise<Instance> => {
    const place = `postgres://postgres@127.0.0.1:${databasePort}/postgres?store=fleet&durability=primary`;
    const program = new Program([
      'serve',
      '--store',
      place,
      '--role',
      'reader',
      '--port',
      '0',
      '--key',
      key,
      '--snapshots',
      shelf,
    ]);
    program.onLine((line) => {
      if (eventOf(line) === 'built') built += 1;
    });
    const address = new URL(await program.url());
    return {
      port: Number(address.port),
      // As a machine that loses its power.
      stop: async () => {
        await program.end('SIGKILL');
      },
    };
  };
  // A server that has no row of the store yet ends; a standby has it later.
  await sleep(2 * Math.max(...LAGS_MS));
  const servers = await Fleet.start({
    writer,
    databasePorts: [port, ...standbys.map((standby) => standby.port)],
    followers: FOLLOWERS,
    start: ready(start),
  });
  try {
    await phases(servers);
    const ids = existsSync(shelf) ? readdirSync(shelf).filter((name) => !name.startsWith('.')) : [];
    console.log(`snapshots: ${built} built by three servers, on the shelf: ${ids.join(', ')}`);
    if (servers.faults().length > 0) throw new Error(servers.faults().slice(0, 5).join('\n'));
  } finally {
    await servers.close();
    await writer.close();
    for (const standby of standbys) await standby.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A server that is started again finds the ones before it gone. */
const ready =
  (start: (port: number) => Promise<Instance>) =>
  async (port: number): Promise<Instance> => {
    for (let round = 0; ; round++) {
      try {
        return await start(port);
      } catch (error) {
        if (round === 10) throw error;
        await sleep(500);
      }
    }
  };

async function phases(servers: Fleet): Promise<void> {
  const { producer } = servers;
  const passed = async (what: string, work: () => Promise<void>): Promise<void> => {
    const startMs = performance.now();
    await work();
    const madeMs = performance.now() - startMs;
    await servers.settled();
    const settledMs = performance.now() - startMs - madeMs;
    const rollbacks = servers.followers.map((follower) => follower.rollbacks.length);
    const failures = servers.followers.flatMap((follower) => follower.failures);
    console.log(
      `${what}: all ${FOLLOWERS} heads equal ${settledMs.toFixed(0)} ms after the last block; rollbacks a follower ${Math.min(...rollbacks)}–${Math.max(...rollbacks)}; failures ridden out ${failures.length} (${[...new Set(failures)].join(', ')}); faults ${servers.faults().length}`,
    );
  };
  await passed('20 blocks', () => producer.append(20));
  await passed('60 blocks, one each 100 ms', async () => {
    for (let made = 0; made < 60; made++) {
      await producer.append();
      await sleep(100);
    }
  });
  console.log(shares(servers));
  await passed('3 servers killed and started again, 30 blocks', () =>
    servers.rollingRestart(() => producer.append(5)),
  );
  await passed('10 forks of 1 to 4 blocks', async () => {
    for (let fork = 0; fork < 10; fork++) {
      await producer.fork(1 + (fork % 4));
      await sleep(300);
    }
  });
  await passed('3 servers killed and started again, 6 forks', () =>
    servers.rollingRestart(() => producer.fork(2)),
  );
}

/** How servers hear of blocks, and which come. */
interface Heard {
  readonly how: string;
  readonly store: string;
  readonly blocks: number;
  readonly everyMs: number;
  /** Where they listen instead of at the primary. */
  readonly listenUrl?: string;
}

/** Three servers of the primary, and 6 followers. */
async function arrivals(
  { url, port }: { readonly url: string; readonly port: number },
  { how, store, blocks, everyMs, listenUrl }: Heard,
): Promise<void> {
  const storage = { use: 'postgres', url, store, durability: 'primary' } as const;
  const writer = await openChain({ storage, chain: 'sealed-json' });
  const start = async (databasePort: number): Promise<Instance> => {
    const listens = listenUrl === undefined ? '' : `&listenUrl=${encodeURIComponent(listenUrl)}`;
    const place = `postgres://postgres@127.0.0.1:${databasePort}/postgres?store=${store}&durability=primary${listens}`;
    const program = new Program(['serve', '--store', place, '--port', '0']);
    const address = new URL(await program.url());
    return {
      port: Number(address.port),
      stop: async () => {
        await program.end();
      },
    };
  };
  const servers = await Fleet.start({ writer, databasePorts: [port, port, port], followers: 6, start });
  try {
    await servers.producer.append(20);
    await servers.settled();
    for (const { arrivals } of servers.followers) arrivals.clear();
    for (let made = 0; made < blocks; made++) {
      await servers.producer.append();
      await sleep(everyMs);
    }
    await servers.settled();
    console.log(`with ${how}, ${blocks} blocks, 6 followers: ${shares(servers)}`);
  } finally {
    await servers.close();
    await writer.close();
  }
}

function shares(servers: Fleet): string {
  const times = servers.latencies();
  const at = (share: number): string =>
    `${(times[Math.ceil(share * times.length) - 1] ?? NaN).toFixed(1)} ms`;
  return `durable at the writer → at a follower p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}`;
}

/** Two `serve --role auto`; the one that writes is killed, or stopped for longer than its lease, again and again. */
async function takeOver(url: string): Promise<void> {
  const place = `${url}?store=auto&durability=primary&leaseMs=${LEASE_MS}`;
  const start = (): Program => {
    const program = new Program([
      'serve',
      '--store',
      place,
      '--role',
      'auto',
      '--chain',
      'sealed-json',
      '--ingest',
      '-',
      '--port',
      '0',
    ]);
    return program;
  };
  const isWriter = (line: object): boolean => Reflect.get(line, 'role') === 'writer';
  let [writer, other] = [start(), null as Program | null];
  await writer.find(isWriter);
  for (const how of ['SIGKILL', 'SIGKILL', 'SIGSTOP', 'SIGKILL', 'SIGTERM'] as const) {
    other = start();
    await other.url();
    const startMs = performance.now();
    writer.child.kill(how);
    await other.find(isWriter);
    const tookMs = performance.now() - startMs;
    console.log(`writer ${how}: the other one writes after ${tookMs.toFixed(0)} ms (lease ${LEASE_MS} ms)`);
    if (how === 'SIGSTOP') {
      const from = writer.lines.length;
      writer.child.kill('SIGCONT');
      await writer.find((line) => Reflect.get(line, 'role') === 'reader', from);
      console.log('and the one that was stopped reads when it goes on');
    }
    await writer.end('SIGKILL');
    writer = other;
    if (tookMs > LEASE_MS + 1_000) console.log('LATER than the lease and a second');
  }
  await writer.end();
}
