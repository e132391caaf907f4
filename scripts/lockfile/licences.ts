import { lockedPackages, type Lockfile } from './lockfile.js';

/**
 * SPDX ids of licences that ask for no more than that their text is kept. Which of them, and what else is taken, a person
 * decides: an id is added here with the change that brings the package.
 */
const ALLOWED: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Python-2.0',
]);

/**
 * Packages that tests use or that users install themselves, that come with no installation of this package, and that
 * nothing here is made of: where their licence asks for more than its text to be kept, a person has to look at it.
 */
const NOT_OURS: ReadonlyMap<string, string> = new Map([
  ['node_modules/axe-core', 'MPL-2.0'],
  ['node_modules/@ethereumjs/mpt', 'MPL-2.0'],
  ['node_modules/@ethereumjs/rlp', 'MPL-2.0'],
  ['node_modules/@ethereumjs/util', 'MPL-2.0'],
]);

/**
 * Whether an SPDX expression (SPDX 2.3, annex D) allows use under the licences above: each part joined by AND, or one
 * joined by OR. What nests, has an exception, or is no expression is not allowed.
 */
export function isAllowed(expression: string): boolean {
  const flat = /^\(([^()]*)\)$/.exec(expression)?.[1] ?? expression;
  const all = flat.split(' AND ');
  if (all.length > 1) return all.every((id) => ALLOWED.has(id));
  return flat.split(' OR ').some((id) => ALLOWED.has(id)) && !/[()]/.test(flat);
}

/**
 * Says of which packages the licence is not allowed, or not what the package itself says.
 *
 * @param installed - the licence in an installed package's own manifest; `null` where it is not installed.
 */
export function licenceProblems(lockfile: Lockfile, installed: (path: string) => string | null): string[] {
  return lockedPackages(lockfile).flatMap(([path, { license, dev = false }]) => {
    const own = installed(path);
    if (license === undefined) return [`${path} names no licence`];
    if (own !== null && own !== license)
      return [`${path} has the licence ${own}, but the lockfile says ${license}`];
    if (dev && NOT_OURS.get(path) === license) return [];
    return isAllowed(license) ? [] : [`${path} has the licence ${license}, which is not on the list`];
  });
}
