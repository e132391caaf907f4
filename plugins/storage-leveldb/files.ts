import { access, type FileHandle, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SyncError } from '../../src/errors/index.js';
import { replaceFile } from '../../src/internal/node/replace-file.js';
import { PRIVATE_DIRECTORY, PRIVATE_FILE } from '../../src/internal/private-mode.js';
import { makeDirectory } from '../../src/internal/node/make-directory.js';

/** Name of the file that makes a directory a store. */
export const MARKER = 'blockferry.json';
/** Name of the file with the height that was acknowledged last. */
export const MARK = 'acknowledged.json';
/** Room for every height, and for a line's end. */
const MARK_BYTES = 32;
const OPEN_NOTE = 'open';
const FORMAT = 'blockferry-leveldb';
/** The first version has no tiles; a store is of it until its first tile is made. */
const VERSIONS: readonly unknown[] = [2, 3];
const STATES: readonly unknown[] = ['creating', 'ready'];

/** What a new file system of ext2 to ext4 has in it. */
const OF_THE_SYSTEM = 'lost+found';

/** What a crash before the marker was there leaves behind. */
const LEFTOVER = /^blockferry\.json\.[0-9a-f-]+\.tmp$/;

/** The file that makes a directory a store. */
export interface Marker {
  /** `creating` until LevelDB has made its files: only then may they be missing. */
  readonly state: 'creating' | 'ready';
  /** Name of the directory with the LevelDB files. */
  readonly db: string;
  /** Whether there may be tiles. */
  readonly hasTiles: boolean;
}

/** Writes the marker; makes the directory when it is missing. */
export async function writeMarker(location: string, { state, db, hasTiles }: Marker): Promise<void> {
  await makeDirectory(location, PRIVATE_DIRECTORY);
  await replaceFile(
    join(location, MARKER),
    `${JSON.stringify({ format: FORMAT, version: hasTiles ? 3 : 2, state, db })}\n`,
  );
}

/**
 * Reads the marker; `null` when there is nothing at the location.
 *
 * @throws SyncError `STORE_NOT_RECOGNIZED`, `STORE_VERSION`, `STORE_DAMAGED`
 */
export async function readMarker(location: string): Promise<Marker | null> {
  const text = await readFile(join(location, MARKER), 'utf8').catch(absent);
  if (text !== null) return parseMarker(text, location);
  if (await isEmpty(location)) return null;
  throw new SyncError(
    'STORE_NOT_RECOGNIZED',
    `${location} has files in it and no ${MARKER}: it is not a store.`,
  );
}

function parseMarker(text: string, location: string): Marker {
  const marker = parseJson(text) as
    (Marker & { readonly format?: unknown; readonly version?: unknown }) | null;
  if (marker?.format !== FORMAT || typeof marker.version !== 'number') throw unreadable(location);
  if (!VERSIONS.includes(marker.version)) {
    const message = `The store at ${location} has format ${marker.version}; this version reads ${VERSIONS.join(' and ')}.`;
    throw new SyncError('STORE_VERSION', message);
  }
  const { state, db } = marker;
  if (!STATES.includes(state) || typeof db !== 'string' || !/^[\w-]+$/.test(db)) throw unreadable(location);
  return { state, db, hasTiles: marker.version === 3 };
}

function unreadable(location: string): SyncError {
  const message = `${join(location, MARKER)} is not readable as the marker of a store.`;
  return new SyncError('STORE_DAMAGED', message);
}

async function isEmpty(location: string): Promise<boolean> {
  try {
    return (await readdir(location)).every((name) => name === OF_THE_SYSTEM || LEFTOVER.test(name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    if (code === 'ENOTDIR') throw new SyncError('STORE_NOT_RECOGNIZED', `${location} is not a directory.`);
    throw error;
  }
}

/** The height that was acknowledged last, as far as it was noted; `null` when nothing readable was. */
export async function readMark(location: string): Promise<number | null> {
  const text = await readFile(join(location, MARK), 'utf8').catch(absent);
  const height = text === null ? null : (parseJson(text) as { readonly height?: unknown } | null)?.height;
  return typeof height === 'number' ? height : null;
}

/**
 * Opens the mark to be written in place. It is made when it is missing or of another length, so that writing it changes
 * no more than bytes within one sector of the disk.
 *
 * @param height - what a mark that has to be made says.
 */
export async function openMark(location: string, height: number): Promise<FileHandle> {
  const path = join(location, MARK);
  const isThere = await stat(path).then(
    ({ size }) => size === MARK_BYTES,
    () => false,
  );
  if (!isThere) await replaceFile(path, markText(height));
  return await open(path, 'r+');
}

/** Notes the height that was acknowledged last; −1 for none. */
export async function writeMark(mark: FileHandle, height: number): Promise<void> {
  await mark.write(markText(height), 0);
  await mark.datasync();
}

function markText(height: number): string {
  return `${JSON.stringify({ height }).padEnd(MARK_BYTES - 1)}\n`;
}

/** Whether the last run did not close the store. */
export function wasLeftOpen(location: string): Promise<boolean> {
  return access(join(location, OPEN_NOTE)).then(
    () => true,
    () => false,
  );
}

/** Notes that the store is open. Not synced: what ends a process leaves the file system as it is. */
export function noteOpen(location: string): Promise<void> {
  return writeFile(join(location, OPEN_NOTE), '', { mode: PRIVATE_FILE });
}

/** Notes that the store was closed in order. */
export function noteClosed(location: string): Promise<void> {
  return rm(join(location, OPEN_NOTE), { force: true });
}

function absent(error: unknown): null {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return null;
  throw error;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
