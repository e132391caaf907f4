import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Finished, mustRun, run } from '../../scripts/lib/process.js';
import { projectRoot } from '../helpers/shared.js';

/** An empty folder outside of the checkout, in which the packed package is installed as a user would. */
export class Site {
  readonly folder = mkdtempSync(join(tmpdir(), 'blockferry-host-'));

  private constructor() {
    this.write('package.json', '{"name":"host","private":true,"type":"module"}\n');
  }

  /** Packs the build that this is a part of, and installs it with `packages`: names, or names with versions. */
  static async make(packages: readonly string[]): Promise<Site> {
    const site = new Site();
    const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', site.folder];
    await mustRun('npm', pack, { cwd: projectRoot });
    const tarball = readdirSync(site.folder).find((name) => name.endsWith('.tgz'));
    if (tarball === undefined) throw new Error('npm pack made no tarball.');
    await site.add(`./${tarball}`, ...packages);
    return site;
  }

  /** Installs packages. */
  async add(...packages: readonly string[]): Promise<void> {
    const args = ['install', '--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline', ...packages];
    await mustRun('npm', args, { cwd: this.folder, timeoutMs: 300_000 });
  }

  write(path: string, text: string): void {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  /** Runs a script of Bash that stops at the first failure. */
  bash(script: string, env: NodeJS.ProcessEnv = {}): Promise<Finished> {
    const options = { cwd: this.folder, env: { ...process.env, ...env }, timeoutMs: 300_000 };
    return run('bash', ['-euo', 'pipefail', '-c', script], options);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A package in the version that the project itself is developed with. */
export function asHere(name: string): string {
  const manifest = readFileSync(join(projectRoot, 'node_modules', name, 'package.json'), 'utf8');
  return `${name}@${(JSON.parse(manifest) as { readonly version: string }).version}`;
}

/** The program of `app.ts`, as built. */
export function appText(): string {
  return readFileSync(join(projectRoot, 'dist', 'test', 'hosts', 'app.js'), 'utf8');
}
