import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What `package-lock.json` says of one package (format 3 of npm). */
export interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  /** Whether nothing but work on this package needs it, so that no user of it gets it. */
  readonly dev?: boolean;
  readonly integrity?: string;
  /** Where it is downloaded from; left out where npm asks the registry that it is configured with. */
  readonly resolved?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
}

/** The members of a manifest that say what a package needs. */
export type Manifest = Readonly<Record<string, unknown>>;

/** What is read of a `package-lock.json`. */
export interface Lockfile {
  readonly lockfileVersion: number;
  /** By path below the project, `node_modules/…`; the project itself is `''`. */
  readonly packages: Readonly<Record<string, LockedPackage>> & { readonly ''?: Manifest };
}

/** The packages of a lockfile but the project itself, by path. */
export function lockedPackages({ packages }: Lockfile): readonly (readonly [string, LockedPackage])[] {
  return Object.entries(packages).filter(([path]) => path !== '');
}

/** Reads a JSON file of a project. */
export function readJson(root: string, path: string): unknown {
  return JSON.parse(readFileSync(join(root, path), 'utf8'));
}

/** The licence that an installed package itself names; `null` where it is not installed, as for other platforms. */
export function installedLicence(root: string, path: string): string | null {
  const manifest = `${path}/package.json`;
  if (!existsSync(join(root, manifest))) return null;
  const { license } = readJson(root, manifest) as { readonly license?: unknown };
  return typeof license === 'string' ? license : JSON.stringify(license ?? 'none');
}
