import test, { type ExecutionContext } from 'ava';
import pg from 'pg';
import {
  createPostgresStore,
  postgresStorage,
  type PostgresStorageOptions,
} from '../../plugins/storage-postgres/index.js';
import type { Storage } from '../../src/contracts/index.js';
import { type Postgres, postgresPrograms, startPostgres } from './postgres.js';

/** A server for the tests of one file, with tables; its tests are skipped where PostgreSQL is not installed. */
export interface PostgresTest {
  /** Registers a test. */
  test(title: string, run: (t: ExecutionContext) => Promise<void>): void;
  /** The running server. */
  server(): Postgres;
  /** A store that is not open yet. */
  store(name: string, options?: Partial<PostgresStorageOptions>): Storage;
  /** A store that is open until the test ends. */
  opened(t: ExecutionContext, name: string, options?: Partial<PostgresStorageOptions>): Promise<Storage>;
  /** The rows of a statement. */
  query<R>(sql: string): Promise<readonly R[]>;
}

/** Starts a server before the tests of a file, and stops it after them. */
export function postgresTest(settings: readonly string[] = []): PostgresTest {
  const bin = postgresPrograms();
  let running: Postgres | null = null;
  test.before(async () => {
    if (bin === null) return;
    running = await startPostgres(bin, settings);
    await createPostgresStore({ url: running.url });
  });
  test.after.always(() => {
    running?.stop();
  });
  const server = (): Postgres => {
    if (running === null) throw new Error('There is no server.');
    return running;
  };
  const store = (name: string, options: Partial<PostgresStorageOptions> = {}): Storage =>
    postgresStorage({
      url: server().url,
      store: name,
      durability: 'primary',
      pool: 3,
      leaseMs: 1000,
      ...options,
    }).create();
  return {
    test: (title, run) => {
      if (bin === null) test.skip(`${title} (skipped: PostgreSQL is not installed)`, () => undefined);
      else test.serial(title, run);
    },
    server,
    store,
    opened: async (t, name, options) => {
      const storage = store(name, options);
      await storage.open();
      t.teardown(() => storage.close());
      return storage;
    },
    query: async <R>(sql: string) => {
      const client = new pg.Client({ connectionString: server().url });
      await client.connect();
      try {
        return (await client.query(sql)).rows as R[];
      } finally {
        await client.end();
      }
    },
  };
}
