import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A hot standby, which shows what its primary has done after a time. */
export interface Standby {
  readonly port: number;
  stop(): void;
}

/** Starts a standby of a server of this machine. */
export async function startStandby(bin: string, primaryPort: number, delayMs: number): Promise<Standby> {
  const dir = mkdtempSync(join(tmpdir(), 'blockferry-standby-'));
  chmodSync(dir, 0o700);
  const data = join(dir, 'data');
  const port = await freePort();
  const isRoot = process.getuid?.() === 0;
  const run = (name: string, args: readonly string[]): void => {
    const command = [join(bin, name), ...args];
    const all = isRoot
      ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', ...command]
      : command;
    execFileSync(all[0] ?? '', all.slice(1), { stdio: 'ignore', cwd: dir });
  };
  if (isRoot) execFileSync('chown', ['postgres:postgres', dir]);
  const from = ['-h', '127.0.0.1', '-p', String(primaryPort), '-U', 'postgres'];
  run('pg_basebackup', [...from, '-D', data, '-R', '-X', 'stream', '-c', 'fast', '--no-sync']);
  const options = `-p ${port} -h 127.0.0.1 -k ${dir} -c max_connections=300 -c recovery_min_apply_delay=${delayMs}ms`;
  run('pg_ctl', ['-D', data, '-w', '-t', '120', '-l', join(dir, 'log'), '-o', options, 'start']);
  return {
    port,
    stop: () => {
      if (existsSync(join(data, 'postmaster.pid')))
        run('pg_ctl', ['-D', data, '-w', '-m', 'immediate', 'stop']);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
