import { existsSync } from 'node:fs';

/** Where this module lies in the package. */
const HERE = 'src/internal/node/own-module.js';

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

/** The file that this code has come into; `null` in a bundle in the form of CommonJS, which has no URL. */
export function fileHere(): URL | null {
  const { url = '' } = import.meta as Partial<ImportMeta>;
  return url.startsWith('file:') ? new URL(url) : null;
}

/** Beside a bundle there may be anything under the name of a module. */
function urlOf(path: string): URL | null {
  const href = fileHere()?.href ?? '';
  return href.endsWith(`/${HERE}`) ? new URL(href.slice(0, -HERE.length) + path) : null;
}
