import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The plugins are one entry of the manifest. */
const PLUGINS = './plugins/*';
const MANIFEST = './package.json';

/** The paths of everything that can be imported, as the manifest of a project exports them: `.`, `./express`. */
export function entryPointsOf(root: string): readonly string[] {
  const text = readFileSync(join(root, 'package.json'), 'utf8');
  const { exports } = JSON.parse(text) as { readonly exports: Readonly<Record<string, unknown>> };
  const plugins = readdirSync(join(root, 'plugins')).map((name) => PLUGINS.replace('*', name));
  return Object.keys(exports)
    .filter((path) => path !== MANIFEST)
    .flatMap((path) => (path === PLUGINS ? plugins.sort() : path));
}

/** The name that an entry point is imported by. */
export function importNameOf(path: string): string {
  return path === '.' ? 'blockferry' : `blockferry${path.slice(1)}`;
}
