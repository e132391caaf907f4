import type { Database } from './database.js';

/** How often it is looked, in milliseconds. */
const LOOK_MS = 1_000;

/**
 * Whether a server is known not to show all: a standby that has not replayed what it has received, or receives nothing; and
 * how old the newest transaction is that it shows, if there was any since it was started.
 */
const LAG = `select pg_is_in_recovery() and not (
      pg_last_wal_receive_lsn() is not distinct from pg_last_wal_replay_lsn()
      and exists (select from pg_stat_wal_receiver)) as late,
    (extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::float8 as ms`;

interface Lag {
  readonly late: boolean;
  readonly ms: number | null;
}

/** Knows how far a standby is behind its primary. */
export class Replica {
  readonly #database: Pick<Database, 'read'>;
  #lookedAt = -LOOK_MS;
  #lagMs = 0;
  /** When it was first seen to be late. */
  #lateSince: number | null = null;

  constructor(database: Pick<Database, 'read'>) {
    this.#database = database;
  }

  /** Looks, unless it was done a moment ago. What can't be asked, as where there are no such functions, is no lag. */
  async look(): Promise<{ readonly lagMs: number }> {
    const now = performance.now();
    if (now - this.#lookedAt >= LOOK_MS) await this.#look(now);
    return { lagMs: this.#lagMs };
  }

  async #look(now: number): Promise<void> {
    this.#lookedAt = now;
    try {
      const [row] = await this.#database.read<Lag>(LAG);
      this.#lateSince = row?.late === true ? (this.#lateSince ?? now) : null;
      this.#lagMs = this.#lateSince === null ? 0 : (row?.ms ?? performance.now() - this.#lateSince);
    } catch {
      this.#lagMs = 0;
    }
  }
}
