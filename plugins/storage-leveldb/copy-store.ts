import { constants } from 'node:fs';
import { chmod, copyFile, cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SyncError } from '../../src/errors/index.js';
import { PRIVATE_DIRECTORY, PRIVATE_FILE } from '../../src/internal/private-mode.js';
import { syncContents } from './contents.js';
import { storeError } from './errors.js';
import { MARK, MARKER, noteOpen, readMarker } from './files.js';
import { FRAMES, TILES } from './segment-files.js';
import { makeDirectory } from '../../src/internal/node/make-directory.js';

/** What is beside the contents and belongs to the store. */
const EVIDENCE = 'evidence';
/** Each attempt only copies what the last one has not: a store that changes faster than a disk writes is not found. */
const MAX_ATTEMPTS = 100;

/**
 * Copies a store while another process may have it open and write to it. The copy is the store as it was at one moment
 * after the call: whatever was durable before is in it, and each later batch as a whole or not at all.
 *
 * It needs no help of that process, because nothing that counts is ever changed in place. LevelDB's tables are written
 * once, and its log and `MANIFEST` only added to; which tables and logs count is said by the `MANIFEST`, and nothing is
 * removed that it names. So the files of LevelDB are those of one moment if the `MANIFEST` is the same before and after
 * them. Frames and tiles are added before the batch that names them, so that they are copied after it.
 *
 * What has been removed meanwhile, as after a rollback, is missing in the copy, and {@link LevelStorage.open} tells so.
 *
 * @param target - a directory that there is not; what a failure leaves of it is the caller's to remove.
 * @throws SyncError `STORE_*`; what `signal` has
 */
export async function copyStore(location: string, target: string, signal: AbortSignal): Promise<void> {
  try {
    await copy(location, target, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw storeError(error, location);
  }
}

async function copy(location: string, target: string, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    signal.throwIfAborted();
    const marker = await readMarker(location);
    if (marker?.state !== 'ready')
      throw new SyncError('STORE_NOT_FOUND', `There is no store at ${location}.`);
    const from = join(location, marker.db);
    const to = join(target, marker.db);
    await makeDirectory(to, PRIVATE_DIRECTORY);
    // Heights in the mark are durable: it must not be younger than the log.
    await copyInto(location, target, [MARK], signal);
    const current = await copyDatabase(from, to, signal);
    if (current === null) continue;
    for (const folder of [FRAMES, TILES]) await copyFolder(join(from, folder), join(to, folder), signal);
    // A store that was opened anew has another MANIFEST, and may have used the names of segments again.
    if ((await currentOf(from)) !== current) continue;
    await copyRest(location, target, marker.db);
    return;
  }
  throw new SyncError('STORE_IO', `The store at ${location} changes faster than it can be copied.`);
}

/** Copies what LevelDB has at one moment. @returns what its `CURRENT` names; `null` when it changed meanwhile */
async function copyDatabase(from: string, to: string, signal: AbortSignal): Promise<string | null> {
  const current = await currentOf(from);
  if (current === null) return null;
  const manifest = await readFile(join(from, current)).catch(gone);
  if (manifest === null) return null;
  const names = (await readdir(from)).filter((name) => /\.(?:log|ldb|sst)$/.test(name)).sort();
  const logs = names.filter((name) => name.endsWith('.log'));
  const tables = names.filter((name) => !name.endsWith('.log'));
  await removeOthers(to, names);
  // An older log is complete by now, and the newest one may grow: what is copied of it is what it began with.
  for (const name of logs) await rm(join(to, name), { force: true });
  const isWhole = (await copyInto(from, to, [...logs, ...tables], signal)) === names.length;
  const after = await readFile(join(from, current)).catch(gone);
  if (!isWhole || after === null || !after.equals(manifest)) return null;
  await writeFile(join(to, current), manifest, { mode: PRIVATE_FILE });
  await writeFile(join(to, 'CURRENT'), `${current}\n`, { mode: PRIVATE_FILE });
  return current;
}

async function copyFolder(from: string, to: string, signal: AbortSignal): Promise<void> {
  const names = await readdir(from).catch(gone);
  if (names === null) return;
  await makeDirectory(to, PRIVATE_DIRECTORY);
  await removeOthers(to, names);
  await copyInto(from, to, names, signal);
}

/** The marker comes last: without it nobody takes a part of a copy for a store. */
async function copyRest(location: string, target: string, contents: string): Promise<void> {
  await cp(join(location, EVIDENCE), join(target, EVIDENCE), { recursive: true }).catch(gone);
  // So that all of its tables are looked at when it is opened.
  await noteOpen(target);
  await syncContents(target, contents);
  await copyOne(join(location, MARKER), join(target, MARKER));
}

/** Copies files that are not there yet, or have grown; those that are gone are left out. @returns how many there are */
async function copyInto(
  from: string,
  to: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  let count = 0;
  for (const name of names) {
    signal.throwIfAborted();
    const [source, copied] = [await sizeOf(join(from, name)), await sizeOf(join(to, name))];
    if (source === null) continue;
    if (source !== copied || name === MARK) {
      if (!(await copyOne(join(from, name), join(to, name)))) continue;
    }
    count += 1;
  }
  return count;
}

/** A store may be one that is only to be read; its copy is not. @returns whether there was one */
async function copyOne(from: string, to: string): Promise<boolean> {
  const isThere = await copyFile(from, to, constants.COPYFILE_FICLONE).then(() => true, gone);
  if (isThere === null) return false;
  await chmod(to, PRIVATE_FILE);
  return true;
}

async function removeOthers(folder: string, names: readonly string[]): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isFile() && !names.includes(entry.name)) await rm(join(folder, entry.name), { force: true });
}

/** The name of the `MANIFEST` that counts. */
async function currentOf(folder: string): Promise<string | null> {
  const text = await readFile(join(folder, 'CURRENT'), 'utf8').catch(gone);
  return /^(MANIFEST-\d+)\n$/.exec(text ?? '')?.[1] ?? null;
}

async function sizeOf(path: string): Promise<number | null> {
  return (await stat(path).catch(gone))?.size ?? null;
}

function gone(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
  throw error;
}
