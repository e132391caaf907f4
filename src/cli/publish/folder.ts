import type { Dirent } from 'node:fs';
import { readdir, readFile, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isSyncError, SyncError } from '../../errors/index.js';
import { replaceFile } from '../../internal/node/replace-file.js';
import { makeDirectory } from '../../internal/node/make-directory.js';
import type { PublishTarget, TargetFile } from './target.js';

/** Everybody may read what is published, as far as the umask lets them: a web server is another user. */
const PUBLIC_FILE = 0o666;

/** What a run that was killed left of a file that it wrote. */
const LEFTOVER = /\.[0-9a-f-]{36}\.tmp$/;

/** The folder that a chain is published in. @throws SyncError `INPUT_UNREADABLE`, each of its methods */
export class Folder implements PublishTarget {
  readonly name: string;
  readonly #path: string;
  readonly #made = new Set<string>();

  /** @param path - made when there is something to write. */
  constructor(path: string) {
    this.name = path;
    this.#path = path;
  }

  size(path: string): Promise<number | null> {
    return this.#run('Reading', path, async (full) => (await stat(full).catch(absent))?.size ?? null);
  }

  read(path: string): Promise<Buffer | null> {
    return this.#run('Reading', path, (full) => readFile(full).catch(absent));
  }

  refresh(): Promise<void> {
    this.#made.clear();
    return Promise.resolve();
  }

  async isSame(path: string, contents: Uint8Array): Promise<boolean> {
    return (await this.size(path)) === contents.length && (await this.read(path))?.equals(contents) === true;
  }

  put(path: string, contents: string | Uint8Array): Promise<void> {
    return this.#run('Writing', path, async (full) => {
      await this.#make(dirname(full));
      await replaceFile(full, contents, PUBLIC_FILE);
    });
  }

  async list(path: string): Promise<readonly TargetFile[]> {
    const names = (await this.#entries(path)).filter((entry) => entry.isFile()).map(({ name }) => name);
    return this.#run('Reading', path, async (full) => {
      const files = names.map(async (name) => ({ name, modifiedMs: (await stat(join(full, name))).mtimeMs }));
      return (await Promise.all(files)).sort((a, b) => b.modifiedMs - a.modifiedMs);
    });
  }

  async folders(path: string): Promise<readonly string[]> {
    return (await this.#entries(path)).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  remove(path: string): Promise<void> {
    return this.#run('Removing', path, (full) => rm(full, { force: true }));
  }

  removeFolder(path: string): Promise<void> {
    this.#made.delete(join(this.#path, path));
    return this.#run('Removing', path, (full) => rmdir(full).catch(unlessEmpty));
  }

  #entries(path: string): Promise<readonly Dirent[]> {
    return this.#run('Reading', path, async (full) => {
      return (await readdir(full, { withFileTypes: true }).catch(absent)) ?? [];
    });
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

function unlessEmpty(error: NodeJS.ErrnoException): void {
  if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(error.code ?? '')) throw error;
}

function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
