import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from '../lib/process.js';

/** Packs the project as for a release, from a clean build. @returns the tarball's path. */
export async function pack(root: string, folder: string): Promise<string> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await mustRun('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: root,
    timeoutMs: 600_000,
  });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('npm pack made no tarball.');
  return join(folder, tarball);
}
