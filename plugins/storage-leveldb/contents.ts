import { randomUUID } from 'node:crypto';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../../src/internal/node/replace-file.js';
import { readMarker } from './files.js';
import { FRAMES, TILES } from './segment-files.js';

/** Name of the directory with the LevelDB files of a new store. */
export const FIRST_CONTENTS = 'db';

/** The names that are given here: others are left alone, because other parts of a node keep files beside them. */
const CONTENTS = /^db(?:-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})?$/;

/** A name for the directory of new contents that no other had before. */
export const newContents = (): string => `${FIRST_CONTENTS}-${randomUUID()}`;

/**
 * Removes the contents that the marker doesn't name: what a crash left of a stage, or of what a stage replaced. Only
 * the process that has the store open may do this. What can't be removed now is removed at the next start.
 *
 * @param named - the directory that the marker names.
 */
export async function removeLeftovers(location: string, named: string): Promise<void> {
  try {
    const names = (await readdir(location)).filter((name) => CONTENTS.test(name) && name !== named);
    // The marker was read, but a crash may have come before it was durable; then the old contents are still needed.
    if (names.length > 0) await syncDirectory(location);
    for (const name of names) await removeContents(location, name);
  } catch {
    // The store is whole with them.
  }
}

/** Removes a directory of contents unless the marker names it or can't be read. */
export async function removeContents(location: string, name: string): Promise<void> {
  const marker = await readMarker(location);
  if (marker === null || marker.db === name) return;
  await rm(join(location, name), { recursive: true, force: true });
}

/**
 * Makes a directory of contents durable that LevelDB has open and nobody writes to.
 *
 * LevelDB syncs a table file and its MANIFEST when it makes them, but of its logs only the one that a synced write goes
 * to, and not their names. So every file is synced, the segments of the frames
 * with them, then the directory. What a compaction removes or adds meanwhile
 * needs nothing: LevelDB syncs a new table, and the MANIFEST that names it, before it removes an old one.
 */
export async function syncContents(location: string, name: string): Promise<void> {
  const path = join(location, name);
  await syncFiles(join(path, FRAMES));
  await syncFiles(join(path, TILES));
  await syncFiles(path);
  await syncDirectory(location);
}

/** Syncs the files of a directory, then the directory; one that is missing has none. */
async function syncFiles(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(absent);
  if (entries === null) return;
  for (const entry of entries) if (entry.isFile()) await syncFile(join(path, entry.name));
  await syncDirectory(path);
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+').catch(absent);
  if (file === null) return;
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function absent(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
  throw error;
}
