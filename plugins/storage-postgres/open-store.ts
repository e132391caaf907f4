import { randomBytes } from 'node:crypto';
import { SyncError } from '../../src/errors/index.js';
import { Database } from './database.js';
import type { PostgresSettings } from './options.js';
import { Purger, type PurgerParts } from './purger.js';
import { type Tables, tablesOf } from './schema.js';
import { addStore } from './store-row.js';
import { Writer } from './writer.js';

/** What there is of a store while it is open. */
export interface OpenStore {
  readonly database: Database;
  readonly tables: Tables;
  readonly writer: Writer;
  readonly purger: Purger;
}

/** What the storage tells of its writes. */
export type WriteHost = Pick<PurgerParts, 'queued' | 'staged'>;

/** Connects, checks that the server keeps what it acknowledges, and takes the lease. */
export async function openStore(
  settings: PostgresSettings,
  host: WriteHost,
  signal: AbortSignal | undefined,
): Promise<OpenStore> {
  const { store: name, schema, leaseMs, durability, retainMs } = settings;
  const owner = randomBytes(16).toString('hex');
  const database = await Database.load({ ...settings, idleMs: leaseMs });
  const tables = tablesOf(schema);
  try {
    return await database.until(signal, async () => {
      await checkDurable(database, durability);
      await database.outlast(() => database.transaction((run) => addStore(run, tables, name)));
      const writer = await Writer.claim({ database, tables, name, leaseMs, owner });
      const purger = new Purger({ ...host, database, tables, writer, retainMs });
      return { database, tables, writer, purger };
    });
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function checkDurable(database: Database, durability: PostgresSettings['durability']): Promise<void> {
  const sql = `select current_setting('fsync') as fsync, current_setting('synchronous_standby_names') as standbys`;
  const [row] = await database.read<{ readonly fsync: string; readonly standbys: string }>(sql);
  if (row?.fsync !== 'on')
    throw new SyncError(
      'STORE_IO',
      'The database runs with `fsync = off`: it does not keep what it acknowledges.',
    );
  if (durability === 'replicated' && row.standbys === '')
    throw new SyncError(
      'STORE_IO',
      'The database has no `synchronous_standby_names`; set it, or `durability: primary` for a server without standby.',
    );
}
