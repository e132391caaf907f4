import type { Socket } from 'node:net';
import type { Client, Pool, PoolClient } from 'pg';
import { SyncError } from '../../src/errors/index.js';
import type { CopyModule } from './copy.js';
import { Deferred } from '../../src/internal/deferred.js';
import { answerOf } from './errors.js';
import { GuardedSocket } from './guarded-socket.js';

/** Longest wait for a connection, and for the answer to one statement. */
export const CONNECT_MS = 3_000;
export const STATEMENT_MS = 10_000;

/** How long connections have to say goodbye. */
export const GOODBYE_MS = 1_000;

/** What is used of the packages `pg` and `pg-copy-streams`. */
export interface PgModule {
  readonly copy: CopyModule;
  readonly Pool: typeof Pool;
  readonly Client: typeof Client;
}

/** Loads the packages. @throws SyncError `STORE_IO` when one is not installed. */
export async function loadPg(): Promise<PgModule> {
  // With the handler behind each of them bundlers take them for what may be missing.
  const [{ default: pg }, copy] = await Promise.all([
    import('pg').catch(notThere),
    import('pg-copy-streams').catch(notThere),
  ]);
  return { Pool: pg.Pool, Client: pg.Client, copy };
}

function notThere(cause: unknown): never {
  const message =
    'The store needs the packages `pg` and `pg-copy-streams`, which could not be loaded: `npm install pg pg-copy-streams`.';
  throw new SyncError('STORE_IO', message, { cause });
}

/** Connections to one server. */
export class Link {
  readonly #pool: Pool;
  readonly #sockets = new Set<Socket>();
  readonly #ended = new Deferred<void>();
  #uses = 0;
  #isRetired = false;
  #isCut = false;
  #isEnding = false;

  constructor({ Pool, Client }: PgModule, url: string, max: number) {
    // The pool's own limit counts the wait for a free connection too, which is no fault of the server.
    class PromptClient extends Client {
      constructor(config?: object) {
        super({ ...config, connectionTimeoutMillis: CONNECT_MS });
      }
    }
    this.#pool = new Pool({
      connectionString: url,
      max,
      Client: PromptClient,
      query_timeout: STATEMENT_MS,
      keepAlive: true,
      application_name: 'blockferry',
      stream: () => this.#socket(),
    });
    // An idle connection that is lost is replaced by the next one that is needed.
    this.#pool.on('error', () => undefined);
  }

  /**
   * Lends a connection. The step says whether it can be used again; what it throws says that it can't.
   *
   * @throws NoAnswer, and what the server answered.
   */
  async use<T>(
    step: (client: PoolClient) => Promise<{ readonly value: T; readonly isSound: boolean }>,
  ): Promise<T> {
    this.#uses++;
    try {
      const client = await this.#pool.connect().catch(rethrown);
      // A connection that is lost while nothing is asked of it says so by an event.
      const onError = (): void => undefined;
      client.on('error', onError);
      let isSound = false;
      try {
        const done = await step(client);
        ({ isSound } = done);
        return done.value;
      } finally {
        client.off('error', onError);
        client.release(!isSound);
      }
    } finally {
      this.#uses--;
      this.#endWhenFree();
    }
  }

  /** Ends the connections once they are free. */
  retire(): Promise<void> {
    this.#isRetired = true;
    this.#endWhenFree();
    return this.#ended.promise;
  }

  /** Ends all connections: those that don't say goodbye in time are cut. */
  async close(): Promise<void> {
    const timer = setTimeout(() => {
      this.cut();
    }, GOODBYE_MS);
    await this.retire();
    clearTimeout(timer);
  }

  /** Cuts all connections, and those that are still to come: no one waits for an answer any longer. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The pool forgets those who wait for a connection when it is ended before they have one. */
  #endWhenFree(): void {
    if (!this.#isRetired || this.#uses > 0 || this.#isEnding) return;
    this.#isEnding = true;
    void this.#pool.end().then(() => {
      this.#ended.resolve();
    });
  }

  #socket(): Socket {
    const socket = new GuardedSocket();
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#isCut) setImmediate(() => socket.destroy());
    return socket;
  }
}

/** Asks a server one thing, and waits so long for the answer. @throws NoAnswer, and what the server answered. */
export async function ask<R>(
  client: PoolClient,
  sql: string,
  values?: readonly unknown[],
  waitMs: number = STATEMENT_MS,
): Promise<readonly R[]> {
  // The types of the package lack this limit of one statement.
  const query = {
    text: sql,
    query_timeout: waitMs,
    ...(values === undefined ? {} : { values: [...values] }),
  };
  const { rows } = await client.query(query).catch(rethrown);
  return rows as R[];
}

/** Runs a step that talks to a server by itself. @throws NoAnswer, and what the server answered. */
export async function asked<T>(step: () => Promise<T>): Promise<T> {
  return step().catch(rethrown);
}

function rethrown(error: unknown): never {
  throw answerOf(error);
}
