import test, { type ExecutionContext } from 'ava';
import { postgresStorage, type PostgresStorageOptions } from '../../plugins/storage-postgres/index.js';
import type { Storage } from '../../src/contracts/index.js';
import { missingFor, type PostgresSetup, type SetupName, setupName, startSetup } from './postgres-setup.js';

/** Servers for the tests of one file, with tables; its tests are skipped where their programs are not installed. */
export interface PostgresTest {
  /** Registers a test, which some set-ups are not for. */
  test(title: string, run: (t: ExecutionContext) => Promise<void>, except?: readonly SetupName[]): void;
  /** The running servers. */
  readonly server: () => PostgresSetup;
  /** A store that is not open yet. */
  store(name: string, options?: Partial<PostgresStorageOptions>): Storage;
  /** A store that is open until the test ends. */
  opened(t: ExecutionContext, name: string, options?: Partial<PostgresStorageOptions>): Promise<Storage>;
  /** The rows of a statement. */
  query<R>(sql: string): Promise<readonly R[]>;
}

/** Starts servers before the tests of a file, and removes them after those. */
export function postgresTest(settings: readonly string[] = [], usual = setupName()): PostgresTest {
  const missing = missingFor(usual);
  let running: PostgresSetup | null = null;
  test.before(async () => {
    if (missing === null) running = await startSetup(usual, settings);
  });
  test.after.always(() => running?.stop());
  const server = (): PostgresSetup => {
    if (running === null) throw new Error('There is no server.');
    return running;
  };
  const store = (name: string, options: Partial<PostgresStorageOptions> = {}): Storage => {
    const { url, durability } = server();
    return postgresStorage({ url, store: name, durability, pool: 3, leaseMs: 1000, ...options }).create();
  };
  return {
    test: (title, run, except = []) => {
      const reason = missing ?? (except.includes(usual) ? `not for the set-up ${usual}` : null);
      if (reason === null) test.serial(title, run);
      else test.skip(`${title} (skipped: ${reason})`, () => undefined);
    },
    server,
    store,
    opened: async (t, name, options) => {
      const storage = store(name, options);
      await storage.open();
      t.teardown(() => storage.close());
      return storage;
    },
    query: (sql) => server().query(sql),
  };
}
