import type { Pool, PoolClient, QueryResultRow } from 'pg';
import { SyncError } from '../../src/errors/index.js';
import { sleep } from '../../src/internal/abort.js';
import { isPassing, storeError, unavailable } from './errors.js';

/** Longest wait for a connection, and for the answer to one statement. */
const CONNECT_MS = 5_000;
const STATEMENT_MS = 10_000;

/** First and longest pause between two tries. */
const RETRY_MS = { first: 50, longest: 1_000 };

/** Runs one statement and gives its rows. */
export type Run = <R extends QueryResultRow>(
  sql: string,
  values?: readonly unknown[],
) => Promise<readonly R[]>;

/** How a transaction ended. */
export interface Transacted<T> {
  readonly value: T;
  /** `false` when the wait for the standby was called off: the server has it, the standby may not. */
  readonly isDurable: boolean;
}

/** What is needed to reach a server. */
export interface DatabaseSettings {
  readonly url: string;
  readonly pool: number;
  readonly outageMs: number;
}

/** Connections to one server. Nothing is kept in a connection between transactions: a pooler may be in between. */
export class Database {
  readonly #pool: Pool;
  readonly #outageMs: number;
  readonly #closing = new AbortController();

  private constructor(pool: Pool, outageMs: number) {
    this.#pool = pool;
    this.#outageMs = outageMs;
  }

  /** @throws SyncError `STORE_IO` when the package `pg` is not installed */
  static async load({ url, pool: max, outageMs }: DatabaseSettings): Promise<Database> {
    const { Pool } = await loadClient();
    const pool = new Pool({
      connectionString: url,
      max,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: STATEMENT_MS,
      application_name: 'blockferry',
    });
    // An idle connection that is lost is replaced by the next one that is needed.
    pool.on('error', () => undefined);
    return new Database(pool, outageMs);
  }

  /** Runs a statement that changes nothing, again and again while the server is away. @throws SyncError `STORE_UNAVAILABLE` */
  readonly read: Run = async <R extends QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
    this.outlast(async () => (await this.#pool.query<R>(sql, [...values])).rows);

  /** Runs a step in a transaction, once. What the server and the client threw is thrown as it is. */
  async transaction<T>(step: (run: Run) => Promise<T>): Promise<Transacted<T>> {
    const client = await this.#pool.connect();
    const watch = watched(client);
    let isSound = false;
    try {
      await client.query('begin; set local synchronous_commit = on');
      const value = await step(async (sql, values = []) => {
        const { rows } = await client.query(sql, [...values]);
        return rows as never[];
      });
      await client.query('commit');
      isSound = true;
      return { value, isDurable: !watch.wasCancelled() };
    } catch (error) {
      if (!isPassing(error)) isSound = await rolledBack(client);
      throw error;
    } finally {
      watch.stop();
      // A commit is never cancelled: of a connection that is given up, the server finishes what it was told.
      client.release(!isSound);
    }
  }

  /** Repeats a step until it does not fail for want of a server. @throws SyncError `STORE_UNAVAILABLE` */
  async outlast<T>(step: () => Promise<T>): Promise<T> {
    const end = performance.now() + this.#outageMs;
    for (let pause = RETRY_MS.first; ; pause = Math.min(pause * 2, RETRY_MS.longest)) {
      try {
        return await step();
      } catch (error) {
        if (!isPassing(error)) throw storeError(error);
        if (this.#closing.signal.aborted || performance.now() + pause > end) throw unavailable(error);
        await this.#pause(pause);
      }
    }
  }

  /** Lets no one wait for the server any longer. */
  stopWaiting(): void {
    this.#closing.abort();
  }

  async close(): Promise<void> {
    this.stopWaiting();
    await this.#pool.end();
  }

  #pause(ms: number): Promise<void> {
    return sleep(ms, this.#closing.signal).catch(() => undefined);
  }
}

async function loadClient(): Promise<{ readonly Pool: typeof Pool }> {
  try {
    return await import('pg');
  } catch (cause) {
    throw new SyncError('STORE_IO', 'The store needs the package `pg`, which could not be loaded.', {
      cause,
    });
  }
}

/** Listens to what the server says beside its answers. */
function watched(client: PoolClient): { wasCancelled(): boolean; stop(): void } {
  let isCancelled = false;
  const onNotice = ({ routine }: { readonly routine?: string | undefined }): void => {
    isCancelled ||= routine === 'SyncRepWaitForLSN';
  };
  const onError = (): void => undefined;
  client.on('notice', onNotice);
  client.on('error', onError);
  return {
    wasCancelled: () => isCancelled,
    stop: () => {
      client.off('notice', onNotice);
      client.off('error', onError);
    },
  };
}

async function rolledBack(client: PoolClient): Promise<boolean> {
  try {
    await client.query('rollback');
    return true;
  } catch {
    return false;
  }
}
