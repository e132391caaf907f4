import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { SyncError } from '../../src/errors/index.js';
import { storeError } from './errors.js';
import { type Marker, noteOpen, readMark, readMarker, wasLeftOpen, writeMarker } from './files.js';
import { checkTables, tablesToCheck } from './table-check.js';

/** The LevelDB of a store: binary keys and values. */
export type Database = ClassicLevel<Buffer, Buffer>;

/** Memory that LevelDB gathers writes in before it makes a file, in bytes. */
const WRITE_BUFFER_BYTES = 8 * 1024 * 1024;

/** Size of its files, in bytes: large enough that a chain of gigabytes needs hundreds of them, not thousands. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** Name of the directory of a new store's LevelDB. */
const FIRST_DB = 'db';

/**
 * Opens the LevelDB of a store, or makes a new one where there is nothing.
 *
 * A database that should be there is never made anew: LevelDB would open as an empty store when its `CURRENT` file is lost.
 *
 * @throws SyncError `STORE_*`
 */
export async function openDatabase(
  location: string,
  createIfMissing: boolean,
  signal?: AbortSignal,
): Promise<Database> {
  try {
    const db = await openMarked(location, createIfMissing, signal);
    // Without the note the next check is weaker; that is no reason not to open.
    await noteOpen(location).catch(() => undefined);
    return db;
  } catch (error) {
    throw storeError(error, location);
  }
}

async function openMarked(
  location: string,
  createIfMissing: boolean,
  signal?: AbortSignal,
): Promise<Database> {
  const marker = await readMarker(location);
  if (marker?.state !== 'ready' && !createIfMissing) {
    throw new SyncError('STORE_NOT_FOUND', `There is no store at ${location}.`);
  }
  if (marker?.state === 'ready') return openChecked(location, marker.db, signal);
  const creating: Marker = marker ?? { state: 'creating', db: FIRST_DB };
  // A store that two starts made at one time may be marked so although it has blocks.
  const isNew = (await readMark(location)) === null;
  if (marker === null) await writeMarker(location, creating);
  await mkdir(join(location, creating.db), { recursive: true });
  const db = await openLevel(join(location, creating.db), isNew);
  await writeMarker(location, { ...creating, state: 'ready' });
  return db;
}

/** The check comes when LevelDB has locked the store, and before anything is read. */
async function openChecked(location: string, name: string, signal?: AbortSignal): Promise<Database> {
  const path = join(location, name);
  const tables = await tablesToCheck(path, await wasLeftOpen(location));
  const db = await openLevel(path, false);
  try {
    await checkTables(tables, signal);
  } catch (error) {
    await db.close();
    throw error;
  }
  return db;
}

async function openLevel(path: string, createIfMissing: boolean): Promise<Database> {
  const db: Database = new ClassicLevel(path, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    createIfMissing,
    // Frames are compressed already.
    compression: false,
    writeBufferSize: WRITE_BUFFER_BYTES,
    maxFileSize: MAX_FILE_BYTES,
  });
  await db.open();
  return db;
}
