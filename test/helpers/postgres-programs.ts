import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = '/usr/lib/postgresql';
const POOLER = '/usr/sbin/pgbouncer';

/**
 * Folder of the server's programs: of `BLOCKFERRY_POSTGRES`, else of the system; `null` when none is installed. Fails for
 * that where tests have to have one.
 */
export function postgresPrograms(): string | null {
  const versions = existsSync(ROOT) ? readdirSync(ROOT) : [];
  const named = process.env['BLOCKFERRY_POSTGRES'];
  const folders = named === undefined ? versions.map((version) => join(ROOT, version, 'bin')) : [named];
  const found = folders.find((bin) => existsSync(join(bin, 'initdb')));
  return found ?? missing('PostgreSQL');
}

/** The pooler; `null` when it is not installed, and as {@link postgresPrograms} fails. */
export function poolerProgram(): string | null {
  return existsSync(POOLER) ? POOLER : missing('pgbouncer');
}

function missing(what: string): null {
  if (process.env['BLOCKFERRY_NEEDS_POSTGRES'] !== '1') return null;
  throw new Error(`${what} is not installed, and BLOCKFERRY_NEEDS_POSTGRES is set.`);
}

/** User and group that the programs run as; `null` for those of this process: root is what they refuse. */
export function postgresUser(): { readonly uid: number; readonly gid: number } | null {
  return process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : null;
}

/** A command as the user of the programs. */
export function asPostgres(command: readonly string[]): readonly [string, ...string[]] {
  const [file = '', ...args] = command;
  if (postgresUser() === null) return [file, ...args];
  return ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', file, ...args];
}

/** Runs a program to its end. @throws Error when it fails */
export async function runAsPostgres(command: readonly string[], cwd: string): Promise<void> {
  const [file, ...args] = asPostgres(command);
  // What it leaves running would keep pipes open.
  const child = spawn(file, args, { stdio: 'ignore', cwd });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${String(code)}.`);
}

function idOf(flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
}
