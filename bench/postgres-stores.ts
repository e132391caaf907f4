import { readdirSync, readFileSync } from 'node:fs';
import pg from 'pg';
import {
  createPostgresStore,
  postgresStorage,
  type PostgresStorageOptions,
} from '../plugins/storage-postgres/index.js';
import type { Storage } from '../src/contracts/index.js';
import { startPostgres } from '../test/helpers/postgres.js';
import { postgresPrograms } from '../test/helpers/postgres-programs.js';

/** A server of its own, on this machine, that syncs each commit to the disk. */
export interface BenchServer {
  /** What names a store of it. */
  options(store: string): PostgresStorageOptions;
  /** A store that is not open. */
  store(name: string): Storage;
  /** Processor time of all its processes so far, in milliseconds. */
  cpuMs(): number;
  stop(): Promise<void>;
}

/** Linux counts processor time in hundredths of a second. */
const TICK_MS = 10;

/** Starts a server with tables; `null` where PostgreSQL is not installed. */
export async function startServer(): Promise<BenchServer | null> {
  const bin = postgresPrograms();
  if (bin === null) return null;
  const server = await startPostgres(bin, ['fsync=on', 'max_wal_size=4GB']);
  const { url } = server;
  await createPostgresStore({ url });
  const main = await mainProcess(url);
  const options = (store: string): PostgresStorageOptions => ({ url, store, durability: 'primary' });
  return {
    options,
    store: (name) => postgresStorage(options(name)).create(),
    cpuMs: () => cpuMsOf(main),
    stop: () => server.stop(),
  };
}

/** The process that all others of a server are children of. */
async function mainProcess(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const parent = statOf(rows[0]?.pid ?? 0)?.parent ?? 0;
  await client.end();
  return parent;
}

function cpuMsOf(main: number): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const own = pids.map((pid) => ({ pid: Number(pid), stat: statOf(Number(pid)) }));
  const ticks = own.map(({ pid, stat }) => {
    if (stat === null || (pid !== main && stat.parent !== main)) return 0;
    return stat.ticks + (pid === main ? stat.childTicks : 0);
  });
  return TICK_MS * ticks.reduce((sum, each) => sum + each, 0);
}

/** What proc(5) says of a process; `null` for one that is gone. */
function statOf(pid: number): { parent: number; ticks: number; childTicks: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
    return { parent: fields[1] ?? 0, ticks: user + system, childTicks: childUser + childSystem };
  } catch {
    return null;
  }
}
