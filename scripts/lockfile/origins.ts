import { lockedPackages, type LockedPackage, type Lockfile } from './lockfile.js';

/** The format whose members are read here. */
const LOCKFILE_VERSION = 3;

/** SHA-512 in base64, as npm writes it (Subresource Integrity). */
const INTEGRITY = /^sha512-[A-Za-z0-9+/]{86}==$/;

/** Packages that run a script of their own when they are installed: to look for the part that is compiled for this machine. */
const WITH_INSTALL_SCRIPT: readonly string[] = ['node_modules/classic-level', 'node_modules/esbuild'];

/** Says which packages do not come from the registry, or could be others than those that were tried. */
export function originProblems(lockfile: Lockfile): string[] {
  const { lockfileVersion } = lockfile;
  if (lockfileVersion !== LOCKFILE_VERSION)
    return [`The lockfile has the format ${lockfileVersion}, not ${LOCKFILE_VERSION}`];
  const packages = lockedPackages(lockfile);
  const problems = packages.flatMap(([path, locked]) =>
    packageProblems(locked).map((what) => `${path} ${what}`),
  );
  return [...problems, ...hostProblems(packages.map(([, locked]) => locked)), ...scriptProblems(packages)];
}

function packageProblems({ link, integrity, resolved }: LockedPackage): string[] {
  if (link === true) return ['is a link to a folder'];
  const problems = INTEGRITY.test(integrity ?? '') ? [] : ['has no SHA-512 to check it by'];
  if (resolved !== undefined && hostOf(resolved) === null)
    problems.push(`comes from ${resolved}, which is no package of a registry`);
  return problems;
}

/** The host of a package of a registry; `null` for what comes from elsewhere, such as a repository or a folder. */
function hostOf(resolved: string): string | null {
  const url = URL.canParse(resolved) ? new URL(resolved) : null;
  if (url?.protocol !== 'https:' || url.username !== '' || url.search !== '') return null;
  return /\/-\/[^/]+\.tgz$/.test(url.pathname) ? url.host : null;
}

/** All from one registry, or none that is named: then it is the one that npm is configured with. */
function hostProblems(packages: readonly LockedPackage[]): string[] {
  const hosts = new Set(packages.map(({ resolved }) => (resolved === undefined ? null : hostOf(resolved))));
  if (hosts.size <= 1) return [];
  const names = [...hosts].map((host) => host ?? 'none');
  return [`The packages name several registries: ${names.join(', ')}`];
}

function scriptProblems(packages: readonly (readonly [string, LockedPackage])[]): string[] {
  const found = packages
    .filter(([, { hasInstallScript }]) => hasInstallScript === true)
    .map(([path]) => path);
  return [
    ...found
      .filter((path) => !WITH_INSTALL_SCRIPT.includes(path))
      .map((path) => `${path} runs a script when it is installed`),
    ...WITH_INSTALL_SCRIPT.filter((path) => !found.includes(path)).map(
      (path) => `${path} runs no script any more when it is installed`,
    ),
  ];
}
