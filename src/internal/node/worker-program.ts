import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { WorkerOptions } from 'node:worker_threads';
import { BUNDLED, ownModule } from './own-module.js';
import thisFile from './this-file.cjs';

/** What a worker thread begins with. */
export interface WorkerProgram {
  readonly entry: URL;
  /** Names the program to `blockferry/worker`, which has several; `null` for a program of its own. */
  readonly bundled: string | null;
}

/** A thread takes on its process's options. This one is for a program given on the command line, and refuses a file. */
const PROGRAM_OPTION = '--input-type';

/** A file of such a name beside a bundle is `blockferry/worker`, bundled. */
const NAMES = ['blockferry-worker.js', 'blockferry-worker.mjs', 'blockferry-worker.cjs'];

let told = false;

/**
 * Where a program for worker threads is: in its own file, or in a bundle of `blockferry/worker` beside this bundle; `null`
 * where neither is there, which is told once.
 *
 * @param path - of the program's module, as for `ownModule`.
 */
export function workerProgram(path: string): WorkerProgram | null {
  const module = ownModule(path);
  if (!module.startsWith(BUNDLED)) return { entry: new URL(module), bundled: null };
  const found = bundleFolders()
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((file) => existsSync(file));
  if (found !== undefined) return { entry: pathToFileURL(found), bundled: module };
  if (!told) {
    told = true;
    process.emitWarning(
      'blockferry is in a bundle without worker threads, and works on the main thread. Put `blockferry/worker` beside it ' +
        'as blockferry-worker.js, or leave blockferry out of the bundle (docs/bundling.md).',
      'BlockferryNotice',
    );
  }
  return null;
}

/** Options of a thread that runs a program. */
export function threadOptions({ bundled }: WorkerProgram): Pick<WorkerOptions, 'argv' | 'execArgv'> {
  return {
    ...(bundled === null ? {} : { argv: [bundled] }),
    ...(process.execArgv.some((option) => option.startsWith(PROGRAM_OPTION)) ? { execArgv: [] } : {}),
  };
}

/** Whether threads of a program can load a module that a plugin states. */
export function canLoad({ bundled }: WorkerProgram, module: string): boolean {
  return bundled !== null || !module.startsWith(BUNDLED);
}

/** Of the file that this code has come into, and of the program. */
function bundleFolders(): readonly string[] {
  const files = [thisFile, process.argv[1] ?? null].filter((file) => file !== null);
  return [...new Set(files.map((file) => dirname(file)))];
}
