import { randomBytes } from 'node:crypto';
import { isSyncError, SyncError } from '../../src/errors/index.js';
import { abortError } from '../../src/internal/abort.js';
import { Database } from './database.js';
import { Follower, type FollowerParts, momentOf } from './follower.js';
import type { PostgresSettings } from '../../src/internal/postgres-options.js';
import { Listener, newsOf, Teller } from './news.js';
import { Purger, type PurgerParts } from './purger.js';
import type { Source } from './reads.js';
import { type Tables, tablesOf } from './schema.js';
import { addStore, type Moment } from './store-row.js';
import { TileMemory } from './tile-memory.js';
import { Writer } from './writer.js';

/** What there is of a store while it is open. */
export interface OpenStore {
  readonly database: Database;
  readonly tables: Tables;
  /** Of this process, or of another one; it changes in a store that stands by. */
  side: Side;
}

/** Of one role. */
export type Side = WriterSide | ReaderSide;

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

/** What a store is opened with. */
export interface OpenParts {
  readonly settings: PostgresSettings;
  /** Who is told what another process has changed. */
  readonly listeners: FollowerParts['listeners'];
  /** What the storage tells of its writes. */
  readonly host: Pick<PurgerParts, 'queued' | 'staged'>;
  /** Runs once, when a writer can write no more. */
  readonly onWriterEnd: () => void;
}

/** Where a store is. */
export type Place = Pick<OpenStore, 'database' | 'tables'>;

/** Connects; a writer checks that the server keeps what it acknowledges, and takes the lease. */
export async function openStore(parts: OpenParts, signal: AbortSignal | undefined): Promise<OpenStore> {
  const { settings } = parts;
  const database = await Database.load({ ...settings, idleMs: settings.leaseMs });
  const tables = tablesOf(settings.schema);
  try {
    const side = await database.until<Side>(signal, () => sideOf({ database, tables }, parts));
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
export async function leave(side: Side, written?: () => Promise<void>): Promise<void> {
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

async function sideOf(place: Place, parts: OpenParts): Promise<Side> {
  const { role, store: name } = parts.settings;
  const read = async (): Promise<Side> => readFrom(place, parts, await momentOf({ ...place, name }));
  if (role === 'reader') return read();
  try {
    return await write(place, parts);
  } catch (error) {
    if (role === 'writer' || !isSyncError(error, 'STORE_LOCKED')) throw error;
    return read();
  }
}

/** Reads on from a moment that this process knows. */
export function readFrom({ database, tables }: Place, parts: OpenParts, moment: Moment): ReaderSide {
  const { store: name, schema, url, listenUrl } = parts.settings;
  const source: Source = {
    tables,
    memory: new TileMemory(),
    reading: (step) => database.reading(step),
    hold: () => () => undefined,
    check: () => undefined,
  };
  const follower = new Follower({ database, tables, name, source, listeners: parts.listeners }, moment);
  const listener = new Listener(database.pg, listenUrl ?? url, newsOf(schema, moment.store), () => {
    follower.look();
  });
  return { role: 'reader', follower, listener };
}

/** Takes the lease. @throws SyncError `STORE_LOCKED`, `STORE_NOT_FOUND`, `STORE_IO`, `STORE_VERSION` */
export async function write(
  { database, tables }: Place,
  { settings, host, onWriterEnd }: OpenParts,
): Promise<WriterSide> {
  const { store: name, schema, leaseMs, durability, retainMs, createIfMissing } = settings;
  await checkDurable(database, durability);
  if (createIfMissing)
    await database.outlast(() => database.transaction((run) => addStore(run, tables, name)));
  else await momentOf({ database, tables, name });
  const owner = randomBytes(16).toString('hex');
  const claim = { database, tables, name, leaseMs, owner, durability, onEnd: onWriterEnd };
  const writer = await Writer.claim(claim);
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
