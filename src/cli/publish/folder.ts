import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isSyncError, SyncError } from '../../errors/index.js';
import { replaceFile } from '../../internal/node/replace-file.js';
import { makeDirectory } from '../../internal/node/make-directory.js';

/** Everybody may read what is published, as far as the umask lets them: a web server is another user. */
const PUBLIC_FILE = 0o666;

/** What a run that was killed left of a file that it wrote. */
const LEFTOVER = /\.[0-9a-f-]{36}\.tmp$/;

/** A file of a folder. */
export interface FolderFile {
  readonly name: string;
  readonly modifiedMs: number;
}

/** The folder that a chain is published in. Paths are below it. Each file appears under its name when it is whole and on disk. */
export class Folder {
  readonly #path: string;
  readonly #made = new Set<string>();

  /** @param path - made when there is something to write. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Length of a file; `null` when there is none. @throws SyncError `INPUT_UNREADABLE` */
  size(path: string): Promise<number | null> {
    return this.#run('Reading', path, async (full) => (await stat(full).catch(absent))?.size ?? null);
  }

  /** The contents of a file; `null` when there is none. @throws SyncError `INPUT_UNREADABLE` */
  read(path: string): Promise<Buffer | null> {
    return this.#run('Reading', path, (full) => readFile(full).catch(absent));
  }

  /** Makes a file, or replaces it. @throws SyncError `INPUT_UNREADABLE` */
  put(path: string, contents: string | Uint8Array): Promise<void> {
    return this.#run('Writing', path, async (full) => {
      await this.#make(dirname(full));
      await replaceFile(full, contents, PUBLIC_FILE);
    });
  }

  /** The files in a folder below, the one that was written last first. @throws SyncError `INPUT_UNREADABLE` */
  list(path: string): Promise<readonly FolderFile[]> {
    return this.#run('Reading', path, async (full) => {
      const names = (await readdir(full).catch(absent)) ?? [];
      const files = names.map(async (name) => ({ name, modifiedMs: (await stat(join(full, name))).mtimeMs }));
      return (await Promise.all(files)).sort((a, b) => b.modifiedMs - a.modifiedMs);
    });
  }

  /** @throws SyncError `INPUT_UNREADABLE` */
  remove(path: string): Promise<void> {
    return this.#run('Removing', path, (full) => rm(full, { force: true }));
  }

  /** Makes a folder before the first file is written to it. */
  async #make(directory: string): Promise<void> {
    if (this.#made.has(directory)) return;
    await makeDirectory(directory);
    for (const name of await readdir(directory)) if (LEFTOVER.test(name)) await rm(join(directory, name));
    this.#made.add(directory);
  }

  async #run<T>(what: string, path: string, step: (full: string) => Promise<T>): Promise<T> {
    const full = join(this.#path, path);
    try {
      return await step(full);
    } catch (cause) {
      if (isSyncError(cause)) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new SyncError('INPUT_UNREADABLE', `${what} ${full} failed: ${reason}.`, { cause });
    }
  }
}

function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
