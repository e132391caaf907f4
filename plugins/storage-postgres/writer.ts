import type { ChainIdentity, Checkpoint } from '../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../src/errors/index.js';
import type { Database, Run, Transacted } from './database.js';
import type { PostgresSettings } from '../../src/internal/postgres-options.js';
import type { Tables } from './schema.js';
import { STATEMENT_MS } from './link.js';
import { Behind, isPassing, NoAnswer, sqlStateOf, unavailable } from './errors.js';
import { type Claim, claimStore, endStopped, type Moment } from './store-row.js';

/** What a write makes of the row of its store. */
export interface RowChange {
  readonly checkpoint?: Checkpoint;
  readonly identity?: ChainIdentity | null;
  readonly gen?: number;
}

/** What a statement does beside changing the row of the store: parts of a `with` that read `fenced`, one row when it may. */
export interface Beside {
  /** @param first - number of the first parameter */
  readonly parts: (first: number) => readonly string[];
  readonly values: readonly unknown[];
}

/** A statement that changes only the row of the store. */
export const NOTHING_BESIDE: Beside = { parts: () => [], values: [] };

/** What a writer needs. */
export interface WriterParts extends Claim {
  readonly database: Database;
  readonly tables: Tables;
  /** `replicated`: no server without a synchronous standby is written to, also after a failover. */
  readonly durability: PostgresSettings['durability'];
  /** Runs once, when it can write no more: another writer has taken over, or what has become of a write is not known. */
  readonly onEnd?: (() => void) | undefined;
}

/** SQLSTATE of a row that another transaction has locked for longer than one waits. */
const LOCK_NOT_AVAILABLE = '55P03';

const NO_STANDBY = 'The database has no `synchronous_standby_names`: no standby confirms what it writes.';

/** What a try failed with tells nothing of an earlier one that may have happened. */
function undecided(error: unknown): unknown {
  return isPassing(error) || isSyncError(error) ? error : unavailable(error);
}

/** Thrown inside a transaction: an earlier try, whose answer was lost, has happened. */
class AlreadyDone extends Error {}

/**
 * Writes as the one who holds the store's lease. Each write moves the version of the store on by one, on the condition
 * that the owner and the version are as this writer left them: so a write whose answer was lost is sent again, and
 * happens once.
 */
export class Writer {
  readonly #parts: WriterParts;
  #moment: Moment;
  #ended: SyncError | null = null;
  readonly #timer: NodeJS.Timeout;
  #renewing: Promise<void> | null = null;
  #isWriting = false;

  private constructor(parts: WriterParts, moment: Moment) {
    this.#parts = parts;
    this.#moment = moment;
    this.#timer = setInterval(() => {
      this.#renewing ??= this.#renew().finally(() => {
        this.#renewing = null;
      });
    }, parts.leaseMs / 3);
    this.#timer.unref();
  }

  /** Takes the lease of a store. @throws SyncError `STORE_LOCKED`, `STORE_VERSION` */
  static async claim(parts: WriterParts): Promise<Writer> {
    const { database, tables, name, leaseMs } = parts;
    const { value } = await database.outlast(async () => {
      try {
        return await database.transaction((run) => claimStore(run, tables, parts));
      } catch (error) {
        if (sqlStateOf(error) === LOCK_NOT_AVAILABLE)
          await database.transaction((run) => endStopped(run, tables, name, Math.min(leaseMs, STATEMENT_MS)));
        throw error;
      }
    });
    return new Writer(parts, value);
  }

  /** As of the last write. */
  get moment(): Moment {
    return this.#moment;
  }

  /**
   * Changes the row of the store, and other rows by a step that gets the version they belong to. Writes have to come one
   * after the other.
   *
   * @param beside - does what the step does, as a part of one statement, which takes one way to the server and back.
   * @throws SyncError `STORE_LOCKED` once another writer has taken over; `STORE_UNAVAILABLE` when it is not known whether
   *   the write has happened, and from then on.
   */
  async write(
    change: RowChange,
    run: (run: Run, version: number) => Promise<void>,
    beside: Beside | null = null,
  ): Promise<void> {
    this.check();
    this.#isWriting = true;
    try {
      await this.#persist(change, run, beside);
    } catch (error) {
      if (isSyncError(error, 'STORE_LOCKED') || isSyncError(error, 'STORE_UNAVAILABLE')) this.#end(error);
      throw error;
    } finally {
      this.#isWriting = false;
    }
    const { version } = this.#moment;
    this.#moment = { ...this.#moment, ...change, version: version + 1 };
  }

  /**
   * Removes rows that are not visible any more, in one transaction that is not tried again. From then on the store has the
   * moments from a version on, of the present generation.
   */
  async tidy(
    { version, gen }: Pick<Moment, 'version' | 'gen'>,
    step: (run: Run) => Promise<boolean>,
  ): Promise<boolean> {
    this.check();
    const { database, tables, owner } = this.#parts;
    const { store, epoch } = this.#moment;
    const sql = `update ${tables.store} set purged = greatest(purged, $5)
      where id = $1 and epoch = $2 and owner = $3 and gen = $4 returning id`;
    const { value } = await database.transaction(async (run) => {
      const rows = await run(sql, [store, epoch, owner, gen, version]);
      if (rows.length === 0)
        throw new SyncError('STORE_CLOSED', 'The store has other contents, or another writer.');
      return step(run);
    });
    return value;
  }

  /** @throws SyncError what it ended with, when it can write no more */
  check(): void {
    if (this.#ended !== null) throw this.#ended;
  }

  /** Whether it can write no more. */
  get isOver(): boolean {
    return this.#ended !== null;
  }

  /** Gives the lease back, if it is still held and the server is there. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
    if (this.#ended !== null) return;
    const { database, tables, owner } = this.#parts;
    const { store, epoch } = this.#moment;
    const sql = `update ${tables.store} set lease_until = null where id = $1 and epoch = $2 and owner = $3`;
    try {
      await database.transaction((run) => run(sql, [store, epoch, owner]));
    } catch {
      // It ends by itself.
    }
  }

  #end(error: SyncError): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    clearInterval(this.#timer);
    this.#parts.onEnd?.();
  }

  async #persist(
    change: RowChange,
    step: (run: Run, version: number) => Promise<void>,
    beside: Beside | null,
  ): Promise<void> {
    const { database } = this.#parts;
    const next = this.#moment.version + 1;
    let isDone = false;
    let mayBeDone = false;
    await database.outlast(async () => {
      try {
        // Another server may not have it.
        const wasDone = isDone;
        isDone = false;
        const { isDurable } = await (wasDone
          ? database.transaction((run) => this.#touch(run, next))
          : beside === null
            ? this.#transact(change, step)
            : this.#state(change, beside));
        if (isDurable) return;
        isDone = true;
      } catch (error) {
        isDone = error instanceof AlreadyDone;
        if (!isDone) throw mayBeDone ? undecided(error) : error;
      } finally {
        mayBeDone = true;
      }
      // The standby has what came before a write that it confirms.
      throw new NoAnswer(new Error('The standby has not confirmed a write.'));
    });
  }

  #transact(
    change: RowChange,
    step: (run: Run, version: number) => Promise<void>,
  ): Promise<Transacted<void>> {
    const { database, leaseMs } = this.#parts;
    return database.transaction(async (run) => {
      const { sql, values } = this.#fence(change);
      if ((await run(sql, values)).length === 0) throw await this.#whyNot(run);
      const start = performance.now();
      await step(run, this.#moment.version + 1);
      // The lease goes by the server's clock, and began with the fence.
      if (performance.now() - start > leaseMs / 3) await this.#touch(run);
    });
  }

  /** One statement that is a transaction by itself. The setting is read at its end, and is its own. */
  async #state(change: RowChange, beside: Beside): Promise<Transacted<unknown>> {
    const { database } = this.#parts;
    const { sql, values } = this.#fence(
      change,
      `from (select set_config('synchronous_commit', 'on', true) as sync) made`,
    );
    const done = await database.statement(
      `with ${[`fenced as (${sql})`, ...beside.parts(values.length + 1)].join(', ')} select version from fenced`,
      [...values, ...beside.values],
    );
    // The row was locked before it was found to be another's, so a write before has ended.
    if (done.value.length === 0) throw (await database.transaction((run) => this.#whyNot(run))).value;
    return done;
  }

  /** Locks the row, and checks that nobody else has written. */
  #fence(
    { checkpoint, identity, gen }: RowChange,
    from = '',
  ): { readonly sql: string; readonly values: readonly unknown[] } {
    const { tables, owner, leaseMs } = this.#parts;
    const { store, epoch, version } = this.#moment;
    const sql = `update ${tables.store} set version = version + 1, lease_until = clock_timestamp() + $5 * interval '1 ms',
        checkpoint = coalesce($6, checkpoint), identity = coalesce($7, identity), gen = coalesce($8::int, gen),
        tidied = case when $8::int is null then tidied else -1 end ${from}
      where id = $1 and epoch = $2 and owner = $3 and version = $4 and ${this.#replicates()}
        ${from === '' ? '' : `and made.sync = 'on'`}
      returning version`;
    const texts = [checkpoint, identity].map((each) =>
      each === undefined || each === null ? null : JSON.stringify(each),
    );
    return { sql, values: [store, epoch, owner, version, leaseMs, ...texts, gen ?? null] };
  }

  /** Condition on the server: one that was promoted, or was given other settings, may have no standby that confirms. */
  #replicates(): string {
    return this.#parts.durability === 'primary'
      ? 'true'
      : `current_setting('synchronous_standby_names') <> ''`;
  }

  async #whyNot(run: Run): Promise<Error> {
    const { tables, owner, name } = this.#parts;
    const sql = `select version, ${this.#replicates()} as replicates from ${tables.store}
      where id = $1 and epoch = $2 and owner = $3`;
    const values = [this.#moment.store, this.#moment.epoch, owner];
    const [row] = await run<{ readonly version: string; readonly replicates: boolean }>(sql, values);
    if (row === undefined)
      return new SyncError(
        'STORE_LOCKED',
        `Another writer has taken over the store ${JSON.stringify(name)}.`,
      );
    if (!row.replicates) return new Behind(NO_STANDBY);
    if (Number(row.version) === this.#moment.version + 1) return new AlreadyDone();
    // One that was promoted without it, or is not promoted yet: another server may have it.
    return new Behind(`The database is at version ${row.version} of the store, which was further.`);
  }

  /** Renews the lease; of a version, where one has to be there: who confirms that has the version too. */
  async #touch(run: Run, version: number | null = null): Promise<void> {
    const { tables, owner, leaseMs } = this.#parts;
    const sql = `update ${tables.store} set lease_until = clock_timestamp() + $4 * interval '1 ms'
      where id = $1 and epoch = $2 and owner = $3 and version = coalesce($5, version) and ${this.#replicates()}
      returning id`;
    const values = [this.#moment.store, this.#moment.epoch, owner, leaseMs, version];
    if ((await run(sql, values)).length === 0) throw await this.#whyNot(run);
  }

  /** A write renews the lease itself, and holds the row for as long as it takes. */
  async #renew(): Promise<void> {
    if (this.#isWriting) return;
    try {
      await this.#parts.database.transaction((run) => this.#touch(run));
    } catch (error) {
      if (isSyncError(error, 'STORE_LOCKED')) this.#end(error);
      // Of what else fails, the next write or the next renewal finds out.
    }
  }
}
