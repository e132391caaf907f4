import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { asPostgres, postgresUser } from './postgres-programs.js';
import { until } from './waiting.js';

/** pgbouncer before a server: a connection is lent for one transaction. */
export interface Pooler {
  readonly port: number;
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a pooler before a port of this machine. */
export async function startPooler(program: string, server: number): Promise<Pooler> {
  const dir = mkdtempSync(join(tmpdir(), 'blockferry-pool-'));
  chmodSync(dir, 0o755);
  const user = postgresUser();
  if (user !== null) chownSync(dir, user.uid, user.gid);
  const port = await freePort();
  const users = join(dir, 'users.txt');
  writeFileSync(users, '"postgres" ""\n"only_reads" ""\n');
  const config = [
    '[databases]',
    `* = host=127.0.0.1 port=${server}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = trust',
    `auth_file = ${users}`,
    'pool_mode = transaction',
    'max_client_conn = 500',
    'default_pool_size = 20',
    'server_login_retry = 1',
  ];
  const file = join(dir, 'pgbouncer.ini');
  writeFileSync(file, config.join('\n'));
  const [command, ...args] = asPostgres([program, '-q', file]);
  const child = spawn(command, args, { stdio: 'ignore', cwd: dir });
  await until(() => isListening(child, port));
  return {
    port,
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function isListening(child: ChildProcess, port: number): Promise<boolean> {
  if (child.exitCode !== null) throw new Error('The pooler has ended.');
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
