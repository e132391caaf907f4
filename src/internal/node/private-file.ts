import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isSyncError, SyncError } from '../../errors/index.js';
import { syncDirectory } from './replace-file.js';

/** What the owner alone may do with a file. */
const MODE = 0o600;
const OTHERS = 0o077;
const HAS_MODES = process.platform !== 'win32';

/**
 * Reads a small file that nobody but its owner may get at, where files have modes.
 *
 * @throws SyncError `KEY_UNUSABLE`
 */
export async function readPrivateFile(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    // Without O_NONBLOCK, opening a FIFO that nobody writes to never ends.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      checkReadable(path, await file.stat(), maxBytes);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isSyncError(error)) throw error;
    throw new SyncError('KEY_UNUSABLE', `The key file ${path} can not be read: ${reasonOf(error)}.`, {
      cause: error,
    });
  }
}

/**
 * Writes a new file that is its owner's alone from its creation on, and on disk when the promise resolves. What a
 * failure leaves of it is removed.
 *
 * @throws SyncError `INPUT_UNREADABLE`, also when there is a file of that name.
 */
export async function createPrivateFile(path: string, contents: string): Promise<void> {
  try {
    const file = await open(path, 'wx', MODE);
    try {
      await fill(file, contents);
      await syncDirectory(dirname(path));
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** An error about a key file. `why` goes on from its path. */
export function keyUnusable(path: string, why: string): SyncError {
  return new SyncError('KEY_UNUSABLE', `The key file ${path} ${why}.`);
}

function checkReadable(path: string, stat: Stats, maxBytes: number): void {
  if (!stat.isFile()) throw keyUnusable(path, 'is not a file');
  if (isOpenToOthers(stat)) throw keyUnusable(path, `has the mode ${modeText(stat)}: others may get at it`);
  if (stat.size > maxBytes) throw keyUnusable(path, `has ${stat.size} bytes; a key has ${maxBytes} at most`);
}

async function fill(file: FileHandle, contents: string): Promise<void> {
  try {
    // Some file systems know no modes and show every file as everybody's; the secret must not get there at all.
    const stat = await file.stat();
    if (isOpenToOthers(stat)) throw new Error(`the file system gave it the mode ${modeText(stat)}`);
    await file.writeFile(contents);
    await file.sync();
  } finally {
    await file.close();
  }
}

function isOpenToOthers(stat: Stats): boolean {
  return HAS_MODES && (stat.mode & OTHERS) !== 0;
}

function modeText(stat: Stats): string {
  return (stat.mode & 0o777).toString(8).padStart(4, '0');
}

function unwritable(path: string, cause: unknown): SyncError {
  const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
  const message = exists
    ? `${path} exists already; a key file is never overwritten.`
    : `The key file ${path} can not be written: ${reasonOf(cause)}.`;
  return new SyncError('INPUT_UNREADABLE', message, { cause });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
