import { SyncError } from '../../src/errors/index.js';
import type { Run } from './database.js';
import { Behind } from './errors.js';
import type { Tables } from './schema.js';
import type { Moment } from './store-row.js';

/** What a server has of a store when it answers, as columns of a row. */
export interface Seen {
  /** `null` for a store that it does not have. */
  readonly seen_version: string | null;
  readonly seen_purged: string | null;
  /** What the next writer found; `null` while there is none. */
  readonly seen_claim: string | null;
}

/** Columns that tell it, beside those that are read; the store is `$1`, and the moment's epoch as given. */
export function seenColumns({ store, claims }: Tables, epoch: string): string {
  return `(select version from ${store} where id = $1) as seen_version,
    (select purged from ${store} where id = $1) as seen_purged,
    (select version from ${claims} where store = $1 and epoch = ${epoch}::bigint + 1) as seen_claim`;
}

/**
 * Checks that a server has all of a moment.
 *
 * @throws Behind when it does not have it yet.
 * @throws SyncError `STORE_CLOSED` when it has it no more.
 */
export function checkSeen(at: Moment, seen: Seen | undefined): void {
  if (seen === undefined) throw new Behind('The database does not have the store.');
  const held = Number(seen.seen_version ?? -1);
  const claim = seen.seen_claim;
  if (claim !== null && Number(claim) < at.version)
    throw new SyncError('STORE_CLOSED', `The writer after that moment did not find it: the store went back.`);
  if (held < at.version)
    throw new Behind(`The database is at version ${held} of the store, which was at ${at.version}.`);
  if (Number(seen.seen_purged) > at.version)
    throw new SyncError('STORE_CLOSED', 'The rows of that moment have been removed since.');
}

/** Asks a server what it has, and checks it as {@link checkSeen} does. */
export async function askSeen(run: Run, tables: Tables, at: Moment): Promise<void> {
  const [seen] = await run<Seen>(`select ${seenColumns(tables, '$2')}`, [at.store, at.epoch]);
  checkSeen(at, seen);
}
