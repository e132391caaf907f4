import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClassicLevel } from 'classic-level';
import { SyncError } from '../../src/errors/index.js';
import { FIRST_CONTENTS, newContents, removeLeftovers } from './contents.js';
import { storeError } from './errors.js';
import { type Marker, noteOpen, readMark, readMarker, wasLeftOpen, writeMarker } from './files.js';
import { PRIVATE_DIRECTORY } from '../../src/internal/private-mode.js';
import { loadLevel } from './native.js';
import { FRAMES, TILES } from './segment-files.js';
import { Segments } from './segments.js';
import { checkTables, tablesToCheck } from './table-check.js';
import { makeDirectory } from '../../src/internal/node/make-directory.js';
import { TileCache } from '../../src/tiles/tile-cache.js';

/** The LevelDB of a store: binary keys and values. */
type Database = ClassicLevel<Buffer, Buffer>;

/** What a store holds: an open LevelDB, what its records name, and the name of their directory in the store. */
export interface Contents {
  readonly name: string;
  readonly db: Database;
  /** The frames. */
  readonly segments: Segments;
  readonly tiles: Segments;
  readonly tileCache: TileCache;
}

/**
 * Memory that LevelDB gathers writes in before it makes a file, in bytes. It takes twice as much while it makes one.
 * More makes nothing faster, also not the filling of a store.
 */
const WRITE_BUFFER_BYTES = 2 * 1024 * 1024;

/** Size of its files, in bytes. With {@link MAX_OPEN_FILES} it bounds how much of them is mapped into memory. */
const MAX_FILE_BYTES = 1024 * 1024;

/** LevelDB maps each file that it has open, and keeps this many open; it takes no smaller number. */
const MAX_OPEN_FILES = 74;

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
): Promise<Contents> {
  try {
    const contents = await openMarked(location, createIfMissing, signal);
    await removeLeftovers(location, contents.name);
    // Without the note the next check is weaker; that is no reason not to open.
    await noteOpen(location).catch(() => undefined);
    return contents;
  } catch (error) {
    throw storeError(error, location);
  }
}

/** Makes an empty LevelDB beside the one of the store. */
export async function makeContents(location: string): Promise<Contents> {
  const name = newContents();
  const path = join(location, name);
  try {
    return contentsOf(name, path, await openLevel(path, true));
  } catch (error) {
    await rm(path, { recursive: true, force: true });
    throw error;
  }
}

/** Ends reads and closes all files; LevelDB's lock, under which the others were used, last. */
export async function closeContents({ db, segments, tiles }: Contents): Promise<void> {
  try {
    await tiles.close();
    await segments.close();
  } finally {
    await db.close();
  }
}

/** Keeps every frame and tile until the function that it gives is called. Each read of LevelDB that goes on to them begins so. */
export function pinContents({ segments, tiles }: Contents): () => void {
  const unpins = [segments.pin(), tiles.pin()];
  return () => {
    for (const unpin of unpins) unpin();
  };
}

function contentsOf(name: string, path: string, db: Database): Contents {
  const segments = new Segments(join(path, FRAMES));
  return { name, db, segments, tiles: new Segments(join(path, TILES)), tileCache: new TileCache() };
}

async function openMarked(
  location: string,
  createIfMissing: boolean,
  signal?: AbortSignal,
): Promise<Contents> {
  const marker = await readMarker(location);
  if (marker?.state !== 'ready' && !createIfMissing) {
    throw new SyncError('STORE_NOT_FOUND', `There is no store at ${location}.`);
  }
  if (marker?.state === 'ready') return openChecked(location, marker.db, signal);
  const creating: Marker = marker ?? { state: 'creating', db: FIRST_CONTENTS, hasTiles: false };
  // A store that two starts made at one time may be marked so although it has blocks.
  const isNew = (await readMark(location)) === null;
  if (marker === null) await writeMarker(location, creating);
  await makeDirectory(join(location, creating.db), PRIVATE_DIRECTORY);
  const contents = await openNamed(location, creating.db, isNew);
  await writeMarker(location, { ...creating, state: 'ready' });
  return contents;
}

/** The check comes when LevelDB has locked the store, and before anything is read. */
async function openChecked(location: string, name: string, signal?: AbortSignal): Promise<Contents> {
  const tables = await tablesToCheck(join(location, name), await wasLeftOpen(location));
  const contents = await openNamed(location, name, false);
  try {
    await checkTables(tables, signal);
  } catch (error) {
    await closeContents(contents);
    throw error;
  }
  return contents;
}

/**
 * Opens what the marker names. A process that has the store open may have switched to new contents since the marker was
 * read, and the old ones are then no longer locked, or gone.
 */
async function openNamed(location: string, name: string, createIfMissing: boolean): Promise<Contents> {
  let db: Database | null = null;
  try {
    db = await openLevel(join(location, name), createIfMissing);
    await checkNamed(location, name);
    return contentsOf(name, join(location, name), db);
  } catch (error) {
    await db?.close();
    await checkNamed(location, name);
    throw error;
  }
}

async function checkNamed(location: string, name: string): Promise<void> {
  const marker = await readMarker(location);
  if (marker === null || marker.db === name) return;
  throw new SyncError('STORE_LOCKED', `The store at ${location} is open elsewhere.`);
}

async function openLevel(path: string, createIfMissing: boolean): Promise<Database> {
  // LevelDB would make it for all to read.
  if (createIfMissing) await makeDirectory(path, PRIVATE_DIRECTORY);
  const Level = await loadLevel();
  const db: Database = new Level(path, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    createIfMissing,
    // Frames are compressed already.
    compression: false,
    writeBufferSize: WRITE_BUFFER_BYTES,
    maxFileSize: MAX_FILE_BYTES,
    maxOpenFiles: MAX_OPEN_FILES,
  });
  await db.open();
  return db;
}
