import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SyncError } from '../../../errors/index.js';
import { abortError } from '../../../internal/abort.js';

/** A manifest of a million parts has about 130 MB. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * Reads a JSON file.
 *
 * @throws SyncError `INPUT_UNREADABLE`, `ABORTED`
 */
export async function readJsonFile(path: string, signal: AbortSignal): Promise<unknown> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new Error('it is not a file');
    if (found.size > MAX_BYTES) throw new Error(`it has ${found.size} bytes; the limit is ${MAX_BYTES}`);
    return parse(await readFile(path, { encoding: 'utf8', signal }));
  } catch (error) {
    if (signal.aborted) throw abortError(signal);
    throw failed('Reading', path, error);
  }
}

/** The parser's own message quotes the file, which may be another one than was meant: a key. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('it is not JSON');
  }
}

/**
 * Replaces a file, or makes it, so that a crash leaves the old contents or the new and never a part. A file that is
 * replaced keeps its mode; a symbolic link stays one.
 *
 * @throws SyncError `INPUT_UNREADABLE`
 */
export async function replaceFile(path: string, contents: string): Promise<void> {
  try {
    const before = await stat(path).catch(absent);
    if (before !== null && !before.isFile()) throw new Error('it is not a file');
    const target = before === null ? path : await realpath(path);
    await writeBeside(target, contents, before);
    await syncDirectory(dirname(target));
  } catch (error) {
    throw failed('Writing', path, error);
  }
}

async function writeBeside(target: string, contents: string, before: Stats | null): Promise<void> {
  const temporary = `${target}.${randomUUID()}.part`;
  try {
    const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
    try {
      if (before !== null) await file.chmod(before.mode & 0o777);
      await file.writeFile(contents);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** A rename survives power loss only when its directory was synced; Windows opens no directories. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

function failed(what: string, path: string, cause: unknown): SyncError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SyncError('INPUT_UNREADABLE', `${what} ${path} failed: ${reason}.`, { cause });
}
