import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SnapshotManifest } from '../../../src/contracts/index.js';
import { isSnapshotId } from '../../../src/internal/snapshot-files.js';
import { parseManifest } from '../manifest.js';
import { diskError, isMissing } from './disk-error.js';

/** Files in the directory of a download, whose name is the snapshot's id. */
export const MANIFEST_FILE = 'manifest.json';
export const MANIFEST_PART_FILE = 'manifest.json.part';
export const BODY_FILE = 'body';

const FILES: ReadonlySet<string> = new Set([MANIFEST_FILE, MANIFEST_PART_FILE, BODY_FILE]);

/** The manifest of a download in a directory; `null` when there is none. @throws SyncError `STORE_IO` */
export async function begunIn(directory: string): Promise<SnapshotManifest | null> {
  for (const id of await downloads(directory)) {
    const manifest = await readManifest(join(directory, id, MANIFEST_FILE));
    if (manifest?.id === id) return manifest;
  }
  return null;
}

/**
 * Removes the downloads in a directory, and nothing else that may be there.
 *
 * @param except - id of a download that stays.
 * @throws SyncError `STORE_IO`
 */
export async function removeDownloads(directory: string, except: string | null = null): Promise<void> {
  for (const id of await downloads(directory)) {
    if (id === except) continue;
    await rm(join(directory, id), { recursive: true, force: true }).catch((error: unknown) => {
      throw diskError(error);
    });
  }
}

/** Directories that are named like a download and hold only what a download makes. */
async function downloads(directory: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { name, isDirectory } of await entries(directory)) {
    if (!isDirectory || !isSnapshotId(name)) continue;
    const files = await entries(join(directory, name));
    if (files.every((file) => FILES.has(file.name))) found.push(name);
  }
  return found.sort();
}

async function entries(
  directory: string,
): Promise<readonly { readonly name: string; readonly isDirectory: boolean }[]> {
  try {
    const list = await readdir(directory, { withFileTypes: true });
    return list.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
  } catch (error) {
    if (isMissing(error)) return [];
    throw diskError(error);
  }
}

/** One that a crash has damaged is none. */
async function readManifest(path: string): Promise<SnapshotManifest | null> {
  try {
    return parseManifest(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}
