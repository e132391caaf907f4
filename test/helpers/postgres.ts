import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A running server of its own, in a temporary folder. */
export interface Postgres {
  readonly url: string;
  readonly port: number;
  /** Ends it as a loss of power does; the folder stays. */
  kill(): void;
  /** Starts it again. */
  restart(): void;
  stop(): void;
}

const ROOT = '/usr/lib/postgresql';

/** Folder of the server's programs; `null` when none is installed. Fails for that where tests have to have one. */
export function postgresPrograms(): string | null {
  const versions = existsSync(ROOT) ? readdirSync(ROOT) : [];
  const found = versions
    .map((version) => join(ROOT, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')));
  if (found === undefined && process.env['BLOCKFERRY_NEEDS_POSTGRES'] === '1')
    throw new Error('PostgreSQL is not installed, and BLOCKFERRY_NEEDS_POSTGRES is set.');
  return found ?? null;
}

/** Starts a server. PostgreSQL refuses to run as root, so then it runs as its own user. */
export async function startPostgres(bin: string, settings: readonly string[] = []): Promise<Postgres> {
  const dir = mkdtempSync(join(tmpdir(), 'blockferry-pg-'));
  chmodSync(dir, 0o700);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(dir, idOf('-u'), idOf('-g'));
  const data = join(dir, 'data');
  const port = await freePort();
  const run = (name: string, args: readonly string[]): void => {
    const command = [join(bin, name), ...args];
    const all = isRoot
      ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', ...command]
      : command;
    execFileSync(all[0] ?? '', all.slice(1), { stdio: 'ignore', cwd: dir });
  };
  run('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']);
  const options = [
    `-p ${port} -h 127.0.0.1 -k ${dir} -c max_connections=300`,
    ...settings.map((one) => `-c ${one}`),
  ];
  const restart = (): void => {
    run('pg_ctl', ['-D', data, '-w', '-t', '120', '-l', join(dir, 'log'), '-o', options.join(' '), 'start']);
  };
  restart();
  return {
    port,
    restart,
    kill: () => {
      const main = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0] ?? '';
      // Its processes outlive it for a moment, in which it can't be started again.
      const others = readFileSync(`/proc/${main}/task/${main}/children`, 'utf8').trim().split(' ');
      for (const pid of [main, ...others]) killed(Number(pid));
      // Where nobody reaps dead processes, it would be taken for one that runs.
      for (const lock of [join(data, 'postmaster.pid'), join(dir, `.s.PGSQL.${port}.lock`)]) rmSync(lock);
    },
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    stop: () => {
      if (existsSync(join(data, 'postmaster.pid')))
        run('pg_ctl', ['-D', data, '-w', '-m', 'immediate', 'stop']);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function idOf(flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
