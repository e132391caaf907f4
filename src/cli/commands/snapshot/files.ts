import { randomUUID } from 'node:crypto';
import { constants, createReadStream, type Stats } from 'node:fs';
import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readManifest } from '../../../../plugins/transport-snapshot/client/read-manifest.js';
import { MAX_PARTS } from '../../../../plugins/transport-snapshot/manifest.js';
import type { SnapshotManifest } from '../../../contracts/index.js';
import { isSyncError, SyncError } from '../../../errors/index.js';
import { abortError } from '../../../internal/abort.js';
import { syncDirectory } from '../../../internal/node/replace-file.js';

/**
 * Reads a manifest, which may be a stranger's. Its signatures are not looked at.
 *
 * @throws SyncError `INPUT_UNREADABLE`, `SNAPSHOT_CORRUPT`, `ABORTED`
 */
export async function readManifestFile(path: string, signal: AbortSignal): Promise<SnapshotManifest> {
  try {
    if (!(await stat(path)).isFile()) throw new Error('it is not a file');
    const check = (): Promise<void> => Promise.resolve();
    return await readManifest(createReadStream(path, { signal }), { maxParts: MAX_PARTS, check });
  } catch (error) {
    if (signal.aborted) throw abortError(signal);
    if (isSyncError(error, 'SNAPSHOT_CORRUPT')) throw error;
    throw failed(
      'Reading',
      path,
      isSyncError(error, 'PEER_NOT_SYNC') ? new Error('it is not a JSON object') : error,
    );
  }
}

/**
 * All that a manifest says, also what this version does not know, for one that {@link readManifestFile} has taken.
 *
 * @throws SyncError `INPUT_UNREADABLE`, `ABORTED`
 */
export async function readMembers(path: string, signal: AbortSignal): Promise<object> {
  try {
    return JSON.parse(await readFile(path, { encoding: 'utf8', signal })) as object;
  } catch (error) {
    if (signal.aborted) throw abortError(signal);
    // The parser's own message quotes the file, which was another one a moment ago.
    throw failed(
      'Reading',
      path,
      error instanceof SyntaxError ? new Error('it is not a JSON object') : error,
    );
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

function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

function failed(what: string, path: string, cause: unknown): SyncError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SyncError('INPUT_UNREADABLE', `${what} ${path} failed: ${reason}.`, { cause });
}
