import { isDeepStrictEqual } from 'node:util';
import type { Lockfile, Manifest } from './lockfile.js';

/** Members of the manifest that npm copies into the lockfile. */
const COPIED: readonly string[] = [
  'name',
  'version',
  'license',
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
  'peerDependenciesMeta',
  'engines',
];

/** Says which members of `package.json` are not what the lockfile was made from. */
export function agreementProblems(lockfile: Lockfile, manifest: Manifest): string[] {
  const copy: Manifest = lockfile.packages[''] ?? {};
  return COPIED.filter((name) => !isDeepStrictEqual(copy[name], manifest[name])).map(
    (name) => `package.json and the lockfile differ in ${name}`,
  );
}
