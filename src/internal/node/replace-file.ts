import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PRIVATE_FILE } from '../private-mode.js';

/**
 * Writes a file; a crash leaves the old contents or the new, never a part.
 *
 * @param mode - of the file, less what the process's umask takes. Default: only its owner may read it.
 */
export async function replaceFile(
  path: string,
  contents: string | Uint8Array,
  mode = PRIVATE_FILE,
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(contents);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/**
 * Makes the names in a directory durable: a new name survives power loss only when its directory was synced. Windows opens
 * no directories.
 */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
