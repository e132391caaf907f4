import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import thisFile from './this-file.cjs';

/** Where that lies in the package. */
const HERE = 'src/internal/node/this-file.cjs';

/** Begins the name of a module of this package that lies in no file of its own: only `blockferry/worker` knows it. */
export const BUNDLED = 'blockferry:';

/**
 * A module of this package for a worker thread, as its URL. In a bundle, where the modules are no files any more, it is
 * the name that `blockferry/worker` has it under.
 *
 * @param path - in the package, as built: `src/workers/thread.js`.
 */
export function ownModule(path: string): string {
  const url = urlOf(path);
  return url !== null && existsSync(url) ? url.href : `${BUNDLED}${path}`;
}

/** Beside a bundle there may be anything under the name of a module. */
function urlOf(path: string): URL | null {
  const href = thisFile === null ? '' : pathToFileURL(thisFile).href;
  return href.endsWith(`/${HERE}`) ? new URL(href.slice(0, -HERE.length) + path) : null;
}
