import type { Socket } from 'node:net';
import { onAbort, sleep } from '../../src/internal/abort.js';
import { serversOf } from '../../src/internal/postgres-options.js';
import type { Client } from 'pg';
import type { Database } from './database.js';
import { GuardedSocket } from './guarded-socket.js';
import { CONNECT_MS, GOODBYE_MS, type PgModule } from './link.js';

const CHANNEL = 'blockferry';

/** First and longest pause before one listens again: a standby, for one, lets nobody. */
const AGAIN_MS = { first: 1_000, longest: 30_000 };

/** What names a store in a notification. */
export const newsOf = (schema: string, store: number): string => `${schema}:${store}`;

/** Tells readers that a store has changed, beside what the writer does; what comes meanwhile is told once. */
export class Teller {
  readonly #database: Database;
  readonly #news: string;
  #isDue = false;
  #telling: Promise<void> | null = null;

  constructor(database: Database, news: string) {
    this.#database = database;
    this.#news = news;
  }

  /** Tells it, soon. */
  tell(): void {
    this.#isDue = true;
    this.#telling ??= this.#tell().finally(() => {
      this.#telling = null;
    });
  }

  /** Resolves when nothing is being told. */
  async idle(): Promise<void> {
    await this.#telling;
  }

  async #tell(): Promise<void> {
    while (this.#isDue) {
      this.#isDue = false;
      // Readers look by themselves too: what can't be told, as when the server's queue is full, is only later.
      await this.#database.notify(CHANNEL, this.#news).catch(() => undefined);
    }
  }
}

/** Listens, on a connection of its own, for news of a store. Behind a pooler there may be none. */
export class Listener {
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(pg: PgModule, url: string, news: string, onNews: () => void) {
    this.#done = this.#run(pg, url, news, onNews);
  }

  /** Ends the connection. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(pg: PgModule, url: string, news: string, onNews: () => void): Promise<void> {
    const servers = serversOf(url);
    let pause = AGAIN_MS.first;
    for (let turn = 0; !this.#stop.signal.aborted; turn++) {
      const isHeard = await this.#listen(pg, servers[turn % servers.length] ?? url, news, onNews);
      pause = isHeard ? AGAIN_MS.first : Math.min(pause * 2, AGAIN_MS.longest);
      await sleep(pause, this.#stop.signal).catch(() => undefined);
    }
  }

  /** Listens until the connection is lost. @returns whether there was one. */
  async #listen(pg: PgModule, url: string, news: string, onNews: () => void): Promise<boolean> {
    const socket = new GuardedSocket();
    const client = clientOf(pg, url, socket);
    if (client === null) return false;
    const ended = new Promise<void>((resolve) => {
      socket.once('close', resolve);
      client.on('error', () => {
        resolve();
      });
    });
    client.on('notification', ({ payload }) => {
      if (payload === news) onNews();
    });
    let isHeard = false;
    const leave = (): Promise<void> => goodbye(client, socket, ended);
    const stopListening = onAbort(this.#stop.signal, () => void leave());
    try {
      // What is asked of a connection that is ended meanwhile may never be answered.
      isHeard = await Promise.race([heard(client), ended.then(() => false)]);
      // What came before is not told.
      if (isHeard) onNews();
      await ended;
    } catch {
      // It is tried again.
    } finally {
      stopListening();
      await leave();
    }
    return isHeard;
  }
}

/** A client that is not connected yet; `null` when a file that the URL names, of a certificate, can't be read now. */
function clientOf({ Client }: PgModule, url: string, socket: Socket): Client | null {
  try {
    return new Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: CONNECT_MS,
      keepAlive: true,
      application_name: 'blockferry',
      stream: () => socket,
    });
  } catch {
    return null;
  }
}

/** Connects, and has itself told what there is. @throws what the server answers */
async function heard(client: Client): Promise<true> {
  await client.connect();
  await client.query(`listen ${CHANNEL}`);
  return true;
}

/** Ends a connection, by itself or not. */
async function goodbye(client: Client, socket: Socket, ended: Promise<void>): Promise<void> {
  const timer = setTimeout(() => socket.destroy(), GOODBYE_MS);
  await Promise.race([client.end().catch(() => undefined), ended]);
  clearTimeout(timer);
  socket.destroy();
}
