import type { Database } from './database.js';

/** How often it is looked, in milliseconds. */
const LOOK_MS = 1_000;

/**
 * How old the newest transaction of a standby is, where it is known not to be all: it has not replayed what it has received,
 * or receives nothing. 0 for a server that takes writes.
 */
const LAG = `select case
    when not pg_is_in_recovery() then 0
    when pg_last_wal_receive_lsn() is not distinct from pg_last_wal_replay_lsn()
      and exists (select from pg_stat_wal_receiver) then 0
    else coalesce(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000, 0)
  end::float8 as ms`;

/** Knows how far a standby is behind its primary. */
export class Replica {
  readonly #database: Pick<Database, 'read'>;
  #lookedAt = -LOOK_MS;
  #lagMs = 0;

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
      const [row] = await this.#database.read<{ readonly ms: number }>(LAG);
      this.#lagMs = row?.ms ?? 0;
    } catch {
      this.#lagMs = 0;
    }
  }
}
