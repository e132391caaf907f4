import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a directory and those above it; one that is there stays as it is.
 *
 * `mkdir` of Node with `recursive` never ends where a file system has the directory above and refuses a new one with
 * `ENOENT`, as `/proc` does.
 *
 * @param mode - of those that are made, less what the process's umask takes.
 */
export async function makeDirectory(path: string, mode = 0o777): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (await isDirectory(path)) return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || parent === path) throw error;
    // The one above is there where somebody else has made it since, and where the file system makes none.
    if (!(await isDirectory(parent))) await makeDirectory(parent, mode);
    // Another process may have been faster.
    await mkdir(path, { mode }).catch(async (again: unknown) => {
      if (!(await isDirectory(path))) throw again;
    });
  }
}

function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
