import pg from 'pg';
import { PostgresServer } from './postgres.js';
import { until } from './waiting.js';

/** A primary and its standbys, one of which confirms each write. */
export class PostgresCluster {
  #primary: PostgresServer;
  #standbys: readonly PostgresServer[];
  readonly #all: readonly PostgresServer[];

  private constructor(primary: PostgresServer, standbys: readonly PostgresServer[]) {
    this.#primary = primary;
    this.#standbys = standbys;
    this.#all = [primary, ...standbys];
  }

  /** Starts one. `confirmed`: whether a standby has to confirm writes. */
  static async start(
    bin: string,
    { standbys = 1, confirmed = true, settings = [] as readonly string[] } = {},
  ): Promise<PostgresCluster> {
    const names = confirmed ? ['synchronous_standby_names=ANY 1 (*)'] : [];
    const places = Array.from({ length: standbys + 1 }, () =>
      PostgresServer.place(bin, [...names, ...settings]),
    );
    const [primary, ...others] = await Promise.all(places);
    if (primary === undefined) throw new Error('There is no server.');
    const cluster = new PostgresCluster(primary, others);
    await primary.initialize();
    for (const standby of others) {
      await standby.copy(primary);
      standby.follow(cluster.#ports());
    }
    await Promise.all(cluster.#all.map((server) => server.restart()));
    await cluster.whole();
    return cluster;
  }

  get primary(): PostgresServer {
    return this.#primary;
  }

  get standbys(): readonly PostgresServer[] {
    return this.#standbys;
  }

  /** All servers, after others. */
  url(...first: readonly string[]): string {
    const hosts = [...first, ...this.#ports().map((port) => `127.0.0.1:${port}`)];
    return `postgres://postgres@${hosts.join()}/postgres`;
  }

  /** Resolves when every standby receives what the primary writes as it is written. */
  async whole(): Promise<void> {
    const sql = `select count(*)::int as count from pg_stat_replication where state = 'streaming'`;
    await until(async () => {
      const [row] = await ask<{ count: number }>(this.#primary, sql).catch(() => []);
      return row?.count === this.#standbys.length;
    });
  }

  /** The standby that has most of what a primary wrote that was killed. */
  async next(): Promise<PostgresServer> {
    const places = await Promise.all(this.#standbys.map(drained));
    const most = places.reduce((a, b) => (a > b ? a : b), 0n);
    const next = this.#standbys[places.indexOf(most)];
    if (next === undefined) throw new Error('There is no standby.');
    return next;
  }

  /** Promotes a standby in place of a primary that was killed. @returns that one */
  async promote(next: PostgresServer): Promise<PostgresServer> {
    await next.promote();
    const old = this.#primary;
    this.#primary = next;
    this.#standbys = this.#standbys.filter((standby) => standby !== next);
    return old;
  }

  /** Makes one that was the primary a standby, with the data of the new one. */
  async rejoin(old: PostgresServer): Promise<void> {
    await old.backUp(this.#primary);
    old.follow(this.#ports());
    await old.restart();
    this.#standbys = [...this.#standbys, old];
    await this.whole();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.map((server) => server.stop()));
  }

  #ports(): readonly number[] {
    return this.#all.map(({ port }) => port);
  }
}

/** The rows of a statement. */
export async function ask<R>({ url }: { readonly url: string }, sql: string): Promise<readonly R[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(sql)).rows as R[];
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** How far a standby is, in bytes, once nothing more comes from its primary. */
async function drained(standby: PostgresServer): Promise<bigint> {
  const sql = `select (pg_last_wal_receive_lsn() - '0/0')::text as place,
    exists (select from pg_stat_wal_receiver where status = 'streaming') as receives`;
  let place = 0n;
  await until(async () => {
    const [row] = await ask<{ place: string | null; receives: boolean }>(standby, sql);
    place = BigInt(row?.place ?? 0);
    return row?.receives === false;
  });
  return place;
}
