import type { ChainIdentity, Checkpoint } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import type { Run } from './database.js';
import { FORMAT, type Tables } from './schema.js';

const EMPTY: Checkpoint = { head: null, base: 0, confirmed: null, finalized: null, assumed: null };

/** A store at one moment: rows that are of its generation and were born, and not dead, at its version belong to it. */
export interface Moment {
  readonly store: number;
  readonly gen: number;
  /** Of the writer that made it. */
  readonly epoch: number;
  readonly version: number;
  readonly checkpoint: Checkpoint;
  readonly identity: ChainIdentity | null;
}

interface RawRow {
  readonly id: number;
  readonly format: number;
  readonly epoch: string;
  readonly version: string;
  readonly gen: number;
  readonly checkpoint: string | null;
  readonly identity: string | null;
}

const COLUMNS = 'id, format, epoch, version, gen, checkpoint, identity';

/** Reads the row of a store by its name; `null` when there is none. */
export async function findStore(run: Run, { store }: Tables, name: string): Promise<Moment | null> {
  const [row] = await run<RawRow>(`select ${COLUMNS} from ${store} where name = $1`, [name]);
  return row === undefined ? null : parsed(row);
}

/** Adds the row of a store that has none. One that there is may be locked by its writer, and is only looked at. */
export async function addStore(run: Run, tables: Tables, name: string): Promise<void> {
  if ((await findStore(run, tables, name)) !== null) return;
  const sql = `insert into ${tables.store} (name, format) values ($1, ${FORMAT}) on conflict (name) do nothing`;
  await run(sql, [name]);
}

/** Who asks for the lease of a store. */
export interface Claim {
  readonly name: string;
  /** 128 random bits that no other opening of the store has. */
  readonly owner: string;
  readonly leaseMs: number;
}

/**
 * Makes an owner the store's writer, unless another one is. A moment of an earlier writer that is newer than what the new
 * one found is known by the row of `claims`: it was lost.
 *
 * @throws SyncError `STORE_LOCKED`, `STORE_VERSION`
 */
export async function claimStore(run: Run, { store, claims }: Tables, claim: Claim): Promise<Moment> {
  const { name, owner, leaseMs } = claim;
  // The row of a writer whose write is under way is locked: whether its lease has ended is seen without waiting for it.
  const [held] = await run<{ readonly rest: number }>(
    `select (extract(epoch from lease_until - clock_timestamp()) * 1000)::float8 as rest from ${store}
      where name = $1 and owner <> $2 and lease_until >= clock_timestamp()`,
    [name, owner],
  );
  if (held !== undefined) throw locked(name, held.rest);
  await run(`set local lock_timeout = ${CLAIM_MS}`);
  const [row] = await run<RawRow>(
    `with taken as (
      update ${store} set owner = $2, lease_until = clock_timestamp() + $3 * interval '1 ms',
        epoch = case when owner = $2 then epoch else epoch + 1 end
      where name = $1 and (owner = $2 or lease_until is null or lease_until < clock_timestamp())
      returning ${COLUMNS}
    ), noted as (
      insert into ${claims} (store, epoch, version) select id, epoch, version from taken on conflict do nothing
    ) select * from taken`,
    [name, owner, leaseMs],
  );
  if (row === undefined) throw locked(name, leaseMs);
  return parsed(row);
}

/** How long a store's lease still lasts, in milliseconds; 0 or less when it is free. */
export async function leaseRest(run: Run, { store }: Tables, name: string): Promise<number> {
  const [row] = await run<{ readonly rest: number | null }>(
    `select (extract(epoch from lease_until - clock_timestamp()) * 1000)::float8 as rest from ${store} where name = $1`,
    [name],
  );
  return row?.rest ?? 0;
}

/** How long a claim waits for a write that is under way. */
const CLAIM_MS = 1_000;

/**
 * Ends the connection of a writer whose lease is over and that holds the row by a transaction in which it says nothing: its
 * process has stopped, or its machine is gone, which the server may learn only after hours.
 */
export async function endStopped(run: Run, { store }: Tables, name: string, idleMs: number): Promise<void> {
  await run(
    `select pg_terminate_backend(a.pid) from ${store} s
      join pg_locks l on l.locktype = 'transactionid' and l.transactionid = s.xmax and l.mode = 'ExclusiveLock' and l.granted
      join pg_stat_activity a on a.pid = l.pid
      where s.name = $1 and s.lease_until < clock_timestamp() and a.wait_event = 'ClientRead'
        and a.state_change < clock_timestamp() - $2 * interval '1 ms'`,
    [name, idleMs],
  );
}

function locked(name: string, restMs: number): SyncError {
  const message = `Another writer has the store ${JSON.stringify(name)} open; unless it is heard of again, its lease ends in ${Math.ceil(restMs)} ms.`;
  return new SyncError('STORE_LOCKED', message);
}

function parsed(row: RawRow): Moment {
  if (row.format !== FORMAT)
    throw new SyncError(
      'STORE_VERSION',
      row.format < FORMAT
        ? `The store has the format ${row.format}; \`createPostgresStore\`, or \`blockferry create\`, turns it into ${FORMAT}, which this version reads.`
        : `The store has the format ${row.format}; this version reads ${FORMAT}.`,
    );
  return {
    store: row.id,
    gen: row.gen,
    version: Number(row.version),
    epoch: Number(row.epoch),
    checkpoint: row.checkpoint === null ? EMPTY : (JSON.parse(row.checkpoint) as Checkpoint),
    identity: row.identity === null ? null : (JSON.parse(row.identity) as ChainIdentity),
  };
}
