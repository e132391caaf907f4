import type { ChainIdentity, Checkpoint } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import type { Run } from './database.js';
import { FORMAT, type Tables } from './schema.js';

const EMPTY: Checkpoint = { head: null, base: 0, confirmed: null, finalized: null, assumed: null };

/** A store at one moment: rows that are of its generation and were born, and not dead, at its version belong to it. */
export interface Moment {
  readonly store: number;
  readonly gen: number;
  readonly version: number;
  readonly checkpoint: Checkpoint;
  readonly identity: ChainIdentity | null;
}

/** What the lease says, with the moment. */
export interface StoreRow extends Moment {
  readonly epoch: number;
  readonly owner: string | null;
}

interface RawRow {
  readonly id: number;
  readonly format: number;
  readonly epoch: string;
  readonly owner: string | null;
  readonly version: string;
  readonly gen: number;
  readonly checkpoint: string | null;
  readonly identity: string | null;
}

const COLUMNS = 'id, format, epoch, owner, version, gen, checkpoint, identity';

/** Reads the row of a store by its name; `null` when there is none. */
export async function findStore(run: Run, { store }: Tables, name: string): Promise<StoreRow | null> {
  const [row] = await run<RawRow>(`select ${COLUMNS} from ${store} where name = $1`, [name]);
  return row === undefined ? null : parsed(row);
}

/** Adds the row of a store that has none. */
export async function addStore(run: Run, { store }: Tables, name: string): Promise<void> {
  await run(`insert into ${store} (name, format) values ($1, ${FORMAT}) on conflict (name) do nothing`, [
    name,
  ]);
}

/** Makes an owner the store's writer, unless another one is. */
export async function claimStore(
  run: Run,
  { store }: Tables,
  claim: { readonly name: string; readonly owner: string; readonly leaseMs: number },
): Promise<StoreRow> {
  const sql = `update ${store} set owner = $2, lease_until = clock_timestamp() + $3 * interval '1 ms',
      epoch = case when owner = $2 then epoch else epoch + 1 end
    where name = $1 and (owner = $2 or lease_until is null or lease_until < clock_timestamp())
    returning ${COLUMNS}`;
  const [row] = await run<RawRow>(sql, [claim.name, claim.owner, claim.leaseMs]);
  if (row !== undefined) return parsed(row);
  throw new SyncError('STORE_LOCKED', `Another writer has the store ${JSON.stringify(claim.name)} open.`);
}

function parsed(row: RawRow): StoreRow {
  if (row.format !== FORMAT)
    throw new SyncError(
      'STORE_VERSION',
      `The store has the format ${row.format}; this version reads ${FORMAT}.`,
    );
  return {
    store: row.id,
    gen: row.gen,
    version: Number(row.version),
    epoch: Number(row.epoch),
    owner: row.owner,
    checkpoint: row.checkpoint === null ? EMPTY : (JSON.parse(row.checkpoint) as Checkpoint),
    identity: row.identity === null ? null : (JSON.parse(row.identity) as ChainIdentity),
  };
}
