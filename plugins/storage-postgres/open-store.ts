import { randomBytes } from 'node:crypto';
import { SyncError } from '../../src/errors/index.js';
import { abortError } from '../../src/internal/abort.js';
import { Database } from './database.js';
import { Follower, momentOf } from './follower.js';
import type { PostgresSettings } from '../../src/internal/postgres-options.js';
import { Listener, newsOf, Teller } from './news.js';
import { Purger, type PurgerParts } from './purger.js';
import type { Source } from './reads.js';
import { type Tables, tablesOf } from './schema.js';
import { addStore } from './store-row.js';
import { TileMemory } from './tile-memory.js';
import { Writer } from './writer.js';

/** What there is of a store while it is open. */
export interface OpenStore {
  readonly database: Database;
  readonly tables: Tables;
  /** Of this process, or of another one. */
  readonly side: WriterSide | ReaderSide;
}

/** The process that writes the store. */
export interface WriterSide {
  readonly role: 'writer';
  readonly writer: Writer;
  readonly purger: Purger;
  readonly teller: Teller;
}

/** A process that reads what another one writes. */
export interface ReaderSide {
  readonly role: 'reader';
  readonly follower: Follower;
  readonly listener: Listener;
}

/** What the storage tells of its writes. */
export type WriteHost = Pick<PurgerParts, 'queued' | 'staged'>;

/** Connects; a writer checks that the server keeps what it acknowledges, and takes the lease. */
export async function openStore(
  settings: PostgresSettings,
  host: WriteHost,
  signal: AbortSignal | undefined,
): Promise<OpenStore> {
  const database = await Database.load({ ...settings, idleMs: settings.leaseMs });
  const tables = tablesOf(settings.schema);
  try {
    const side = await database.until<WriterSide | ReaderSide>(signal, () =>
      settings.role === 'reader' ? read(database, tables, settings) : write(database, tables, settings, host),
    );
    if (signal?.aborted === true) {
      await leave(side);
      throw abortError(signal);
    }
    return { database, tables, side };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Ends what a side does by itself; a writer gives the lease back once its writes are done. */
export async function leave(side: WriterSide | ReaderSide, written?: () => Promise<void>): Promise<void> {
  if (side.role === 'reader') {
    await side.listener.stop();
    await side.follower.stop();
  } else {
    await side.purger.stop();
    await written?.();
    await side.writer.close();
    await side.teller.idle();
  }
}

async function read(
  database: Database,
  tables: Tables,
  { store: name, schema, url }: PostgresSettings,
): Promise<ReaderSide> {
  const source: Source = {
    tables,
    memory: new TileMemory(),
    reading: (step) => database.reading(step),
    hold: () => () => undefined,
    check: () => undefined,
  };
  const follower = await Follower.begin({ database, tables, name, source });
  const listener = new Listener(database.pg, url, newsOf(schema, follower.moment.store), () => {
    follower.look();
  });
  return { role: 'reader', follower, listener };
}

async function write(
  database: Database,
  tables: Tables,
  { store: name, schema, leaseMs, durability, retainMs, createIfMissing }: PostgresSettings,
  host: WriteHost,
): Promise<WriterSide> {
  await checkDurable(database, durability);
  if (createIfMissing)
    await database.outlast(() => database.transaction((run) => addStore(run, tables, name)));
  else await momentOf({ database, tables, name });
  const owner = randomBytes(16).toString('hex');
  const writer = await Writer.claim({ database, tables, name, leaseMs, owner, durability });
  const purger = new Purger({ ...host, database, tables, writer, retainMs });
  const teller = new Teller(database, newsOf(schema, writer.moment.store));
  return { role: 'writer', writer, purger, teller };
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
