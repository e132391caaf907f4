import { createHash, randomUUID } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { suffixOf } from '../../../src/internal/codecs.js';
import { PRIVATE_DIRECTORY } from '../../../src/internal/private-mode.js';
import { makeDirectory } from '../../../src/internal/node/make-directory.js';

export const MANIFEST_FILE = 'manifest.json';
/** Holds the signature in the document, which the manifest has no place for. */
export const DOCUMENT_FILE = 'document.json';

/** Name of a snapshot's body, on disk and for who saves it: `snapshot.bz2`. */
export function bodyName(codec: string): string {
  return `snapshot.${suffixOf(codec)}`;
}

/** No id of a snapshot begins with a dot. Machines and containers that share a directory use the same numbers of processes. */
const BUILDING = /^\.building-([0-9]{1,10})-(?:([0-9a-f]{8})-)?[0-9a-f-]{36}$/;
const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
/** A build of another machine in which nothing was written for so long has come to nothing, in milliseconds. */
const ABANDONED_MS = 3_600_000;
const REMOVING = /^\.removing-[0-9a-f-]{36}$/;

/** Directories that builds of this process are writing to. */
const building = new Set<string>();

/** Makes a directory to build in; whoever finds it after a crash removes it. */
export async function makeBuildDirectory(directory: string): Promise<string> {
  const path = join(directory, `.building-${process.pid}-${HOST}-${randomUUID()}`);
  building.add(path);
  try {
    await makeDirectory(path, PRIVATE_DIRECTORY);
    return path;
  } catch (error) {
    building.delete(path);
    throw error;
  }
}

/** Gives a finished build its name. Afterwards it is there whole, also when the power fails. */
export async function publish(path: string, directory: string, name: string): Promise<void> {
  await rename(path, join(directory, name));
  building.delete(path);
  await syncFile(directory);
}

/** Removes a build that came to nothing; does nothing to one that was published. */
export async function discardBuild(path: string): Promise<void> {
  building.delete(path);
  await rm(path, { recursive: true, force: true });
}

/** Removes a snapshot: in one step from its name, then from the disk. */
export async function removeSnapshot(directory: string, name: string): Promise<void> {
  const path = join(directory, `.removing-${randomUUID()}`);
  await rename(join(directory, name), path).catch(ignoreMissing);
  await rm(path, { recursive: true, force: true });
}

/** Removes what processes that have ended left half-made or half-removed. */
export async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await namesIn(directory)) {
    const path = join(directory, name);
    if (REMOVING.test(name) || (await isAbandoned(name, path)))
      await rm(path, { recursive: true, force: true });
  }
}

async function isAbandoned(name: string, path: string): Promise<boolean> {
  const [, pid, host = HOST] = BUILDING.exec(name) ?? [];
  if (pid === undefined || building.has(path)) return false;
  return host === HOST ? !isOther(Number(pid)) : Date.now() - (await changedMs(path)) > ABANDONED_MS;
}

/** When something in a directory was last written. */
async function changedMs(directory: string): Promise<number> {
  const paths = [directory, ...(await namesIn(directory)).map((name) => join(directory, name))];
  const times = paths.map((path) =>
    stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    ),
  );
  return Math.max(...(await Promise.all(times)));
}

/** Whether another process of this number lives on this machine. */
export function isOther(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Names in a directory; none when it is not there. */
export async function namesIn(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((error: unknown) => {
    ignoreMissing(error);
    return [];
  });
}

/** Writes a file or a directory's names through to the disk. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Whether an error says that a file is not there. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'ENOENT';
}

function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}

/** A failure of the file system as an error of ours; anything else as it is. */
export function diskError(error: unknown, what: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (!(error instanceof Error) || isSyncError(error) || syscall === undefined) return error;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new SyncError(full ? 'STORE_FULL' : 'STORE_IO', `${what}: ${error.message}`, { cause: error });
}
