import type { PoolClient } from 'pg';
import { abortError, onAbort, sleep } from '../../src/internal/abort.js';
import { serversOf } from '../../src/internal/postgres-options.js';
import { isOfTheServer, isPassing, storeError, unavailable } from './errors.js';
import { type CopyColumns, copyInto, type CopyRow } from './copy.js';
import { copyOut } from './copy-out.js';
import type { BinaryRow } from './copy-rows.js';
import { ask, asked, CONNECT_MS, GOODBYE_MS, Link, loadPg, type PgModule, STATEMENT_MS } from './link.js';

/** First and longest pause between two tries of the same server. */
const RETRY_MS = { first: 50, longest: 500 };

/** Connections that are kept for writes, so that slow reads don't hold those up. */
const WRITERS = 2;

/** Notice of a commit whose wait for the standby was called off: SQLSTATE and the routine that says so. */
const CANCELLED = { code: '01000', routine: 'SyncRepWaitForLSN' };

/** Runs one statement and gives its rows. */
export type Ask = <R>(sql: string, values?: readonly unknown[]) => Promise<readonly R[]>;

/** The same, with what moves many bytes. */
export interface Run extends Ask {
  /** Copies rows into a table. */
  into(table: string, columns: CopyColumns, rows: Iterable<CopyRow>): Promise<void>;
  /** Gives the rows of a query without parameters as they come, as bytes. */
  bytes(query: string, onRow: (row: BinaryRow) => void): Promise<void>;
}

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
  /** How long a transaction may be held open by a process that has stopped. */
  readonly idleMs?: number;
}

interface Links {
  readonly reads: Link;
  readonly writes: Link;
}

/**
 * Connections to one server, of those that the URL names: the next one has its turn when one does not answer. Nothing is
 * kept in a connection between transactions: a pooler may be in between.
 */
export class Database {
  readonly #pg: PgModule;
  readonly #servers: readonly string[];
  readonly #settings: DatabaseSettings;
  readonly #closing = new AbortController();
  readonly #begin: string;
  #turn = 0;
  #links: Links;
  /** Of servers that had their turn. */
  readonly #retired = new Set<Link>();

  private constructor(pg: PgModule, settings: DatabaseSettings) {
    this.#pg = pg;
    this.#settings = settings;
    this.#servers = serversOf(settings.url);
    this.#links = this.#connect();
    const idleMs = Math.min(settings.idleMs ?? STATEMENT_MS, STATEMENT_MS);
    // The server's own limits: of one that has lost its client, or whose client stands still.
    this.#begin = `begin; set local synchronous_commit = on; set local statement_timeout = ${STATEMENT_MS};
      set local idle_in_transaction_session_timeout = ${idleMs}`;
  }

  /** @throws SyncError `STORE_IO` when the package `pg` is not installed */
  static async load(settings: DatabaseSettings): Promise<Database> {
    return new Database(await loadPg(), settings);
  }

  /** What connections are made with. */
  get pg(): PgModule {
    return this.#pg;
  }

  /** Runs a statement that changes nothing, again and again while the server is away. @throws SyncError `STORE_UNAVAILABLE` */
  readonly read: Ask = <R>(sql: string, values: readonly unknown[] = []) =>
    this.reading((run) => run<R>(sql, values));

  /** Runs a step that changes nothing, again and again while the server is away. @throws SyncError `STORE_UNAVAILABLE` */
  reading<T>(step: (run: Run) => Promise<T>): Promise<T> {
    return this.outlast(async () => {
      const { reads } = this.#links;
      const each = <V>(use: (client: PoolClient) => Promise<V>): Promise<V> =>
        reads.use(async (client) => ({ value: await use(client), isSound: true }));
      return this.#watching(() => step(this.#runner(each)));
    });
  }

  /** Runs a step in a transaction, once. What the server and the client threw is thrown as it is. */
  transaction<T>(step: (run: Run) => Promise<T>): Promise<Transacted<T>> {
    const { writes } = this.#links;
    return this.#watching(() => writes.use((client) => this.#transact(client, step)));
  }

  /**
   * Runs one small statement that is a transaction by itself, once. A server that does not answer soon is passed over, as one
   * that does not begin a transaction. What the server and the client threw is thrown as it is.
   */
  statement<R>(sql: string, values: readonly unknown[]): Promise<Transacted<readonly R[]>> {
    const { writes } = this.#links;
    return this.#watching(() =>
      writes.use(async (client) => {
        const value = await noticing(client, () => ask<R>(client, sql, values, CONNECT_MS));
        return { value, isSound: true };
      }),
    );
  }

  /** Tells those who listen, once. No server waits for its standby for that. */
  notify(channel: string, payload: string): Promise<void> {
    const sql = `begin; set local synchronous_commit = off; notify ${channel}, '${payload}'; commit`;
    return this.#links.reads.use(async (client) => {
      await ask(client, sql);
      return { value: undefined, isSound: true };
    });
  }

  /** Repeats a step until it does not fail for want of a server. @throws SyncError `STORE_UNAVAILABLE` */
  async outlast<T>(step: () => Promise<T>): Promise<T> {
    const end = performance.now() + this.#settings.outageMs;
    const { length: servers } = this.#servers;
    for (let tries = 1; ; tries++) {
      try {
        return await step();
      } catch (error) {
        if (!isPassing(error)) throw storeError(error);
        // Each of the servers has its turn, and each time a part of the pause.
        const pause = Math.min(RETRY_MS.first * 2 ** (tries / servers), RETRY_MS.longest) / servers;
        if (this.#closing.signal.aborted || performance.now() + pause > end) throw unavailable(error);
        await sleep(pause, this.#closing.signal).catch(() => undefined);
      }
    }
  }

  /**
   * Runs work that a signal ends: it tries nothing again from then on, and what the server does not answer soon is given
   * up. Work that succeeds nonetheless has to be undone.
   *
   * @throws SyncError `ABORTED`
   */
  async until<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const stopListening = onAbort(signal, () => {
      this.stopWaiting();
      timer = setTimeout(() => {
        for (const link of this.#all()) link.cut();
      }, GOODBYE_MS);
    });
    try {
      return await work();
    } catch (error) {
      throw signal?.aborted === true ? abortError(signal) : error;
    } finally {
      stopListening();
      clearTimeout(timer);
    }
  }

  /** Lets no one wait for the server any longer. */
  stopWaiting(): void {
    this.#closing.abort();
  }

  async close(): Promise<void> {
    this.stopWaiting();
    await Promise.all(this.#all().map((link) => link.close()));
  }

  #all(): readonly Link[] {
    const { reads, writes } = this.#links;
    return [reads, writes, ...this.#retired];
  }

  #connect(): Links {
    const url = this.#servers[this.#turn % this.#servers.length] ?? this.#settings.url;
    const reads = Math.max(1, this.#settings.pool - WRITERS);
    return { reads: new Link(this.#pg, url, reads), writes: new Link(this.#pg, url, WRITERS) };
  }

  /** Gives the next server its turn when what failed was of the present one. */
  async #watching<T>(work: () => Promise<T>): Promise<T> {
    const links = this.#links;
    try {
      return await work();
    } catch (error) {
      if (this.#servers.length > 1 && isOfTheServer(error) && links === this.#links) this.#next();
      throw error;
    }
  }

  #next(): void {
    const { reads, writes } = this.#links;
    this.#turn++;
    this.#links = this.#connect();
    for (const link of [reads, writes]) {
      this.#retired.add(link);
      void link.retire().then(() => this.#retired.delete(link));
    }
  }

  /** @param each - lends a connection for one statement. */
  #runner(each: <V>(use: (client: PoolClient) => Promise<V>) => Promise<V>): Run {
    const { copy } = this.#pg;
    const run: Ask = (sql, values) => each((client) => ask(client, sql, values));
    return Object.assign(run, {
      into: (table: string, columns: CopyColumns, rows: Iterable<CopyRow>) =>
        each((client) => asked(() => copyInto(client, copy, { table, columns, rows }))),
      bytes: (query: string, onRow: (row: BinaryRow) => void) =>
        each((client) => asked(() => copyOut(client, query, onRow))),
    });
  }

  async #transact<T>(
    client: PoolClient,
    step: (run: Run) => Promise<T>,
  ): Promise<{ readonly value: Transacted<T>; readonly isSound: boolean }> {
    // A commit is never cancelled: of a connection that is given up, the server finishes what it was told.
    const value = await noticing(client, async () => {
      await ask(client, this.#begin, undefined, CONNECT_MS);
      const result = await step(this.#runner((use) => use(client)));
      await ask(client, 'commit');
      return result;
    });
    return { value, isSound: true };
  }
}

/** Runs a step, and says whether the wait for the standby was called off meanwhile. */
async function noticing<T>(client: PoolClient, step: () => Promise<T>): Promise<Transacted<T>> {
  let isCancelled = false;
  const onNotice = (notice: {
    readonly code?: string | undefined;
    readonly routine?: string | undefined;
  }): void => {
    isCancelled ||= notice.code === CANCELLED.code && notice.routine === CANCELLED.routine;
  };
  client.on('notice', onNotice);
  try {
    const value = await step();
    return { value, isDurable: !isCancelled };
  } finally {
    client.off('notice', onNotice);
  }
}
