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

/** Bundles in the form of CommonJS have no URL; in others it is that of the bundle, beside which there may be anything. */
function urlOf(path: string): URL | null {
  const here = URL.canParse(import.meta.url) ? import.meta.url : '';
  return here.startsWith('file:') && here.endsWith(`/${HERE}`)
    ? new URL(here.slice(0, -HERE.length) + path)
    : null;
}
