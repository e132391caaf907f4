import { appendFileSync, chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyRunning } from './postgres-backup.js';
import { freePort } from './free-port.js';
import { postgresUser, runAsPostgres } from './postgres-programs.js';

const SETTINGS = ['max_connections=300', 'wal_retrieve_retry_interval=200ms', 'wal_keep_size=512MB'];

/** A server of its own, in a temporary folder. */
export class PostgresServer {
  readonly port: number;
  readonly #bin: string;
  readonly #dir: string;
  readonly #settings: readonly string[];

  private constructor(bin: string, port: number, settings: readonly string[], parent: string) {
    this.#bin = bin;
    this.port = port;
    this.#settings = [...SETTINGS, ...settings];
    this.#dir = mkdtempSync(join(parent, 'blockferry-pg-'));
    chmodSync(this.#dir, 0o700);
    const user = postgresUser();
    if (user !== null) chownSync(this.#dir, user.uid, user.gid);
  }

  /** A place for one, which has no data yet. */
  static async place(
    bin: string,
    settings: readonly string[] = [],
    parent = tmpdir(),
  ): Promise<PostgresServer> {
    return new PostgresServer(bin, await freePort(), settings, parent);
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  get #data(): string {
    return join(this.#dir, 'data');
  }

  get #pidFile(): string {
    return join(this.#data, 'postmaster.pid');
  }

  async initialize(): Promise<void> {
    const args = ['-D', this.#data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
    await this.#run('initdb', args);
    // Where they can be changed later, and are copied with the data.
    const lines = this.#settings.map((one) => one.replace(/=(.*)$/, ` = '$1'\n`));
    appendFileSync(join(this.#data, 'postgresql.conf'), lines.join(''));
  }

  /** Copies the data of one that is not running. */
  async copy(other: PostgresServer): Promise<void> {
    await runAsPostgres(['cp', '-a', other.#data, this.#data], this.#dir);
  }

  /** Copies the data of one that is running, in place of its own. */
  async backUp(other: { readonly port: number }): Promise<void> {
    rmSync(this.#data, { recursive: true, force: true });
    if (!existsSync(join(this.#bin, 'pg_basebackup'))) {
      await copyRunning(other.port, this.#data);
      return;
    }
    const from = ['-h', '127.0.0.1', '-p', String(other.port), '-U', 'postgres'];
    await this.#run('pg_basebackup', ['-D', this.#data, ...from, '-c', 'fast', '--no-sync']);
  }

  /** Makes it a standby, from its next start on, of whichever of some servers takes writes. */
  follow(ports: readonly number[]): void {
    const hosts = ports.map(() => '127.0.0.1').join();
    const primary = `host=${hosts} port=${ports.join()} user=postgres target_session_attrs=read-write`;
    appendFileSync(join(this.#data, 'postgresql.auto.conf'), `primary_conninfo = '${primary}'\n`);
    const signal = join(this.#data, 'standby.signal');
    appendFileSync(signal, '');
    const user = postgresUser();
    if (user !== null) chownSync(signal, user.uid, user.gid);
  }

  /** Starts it, the first time or again. */
  async restart(): Promise<void> {
    const options = `-p ${this.port} -h 127.0.0.1 -k ${this.#dir}`;
    const args = ['-w', '-t', '120', '-l', join(this.#dir, 'log'), '-o', options];
    await this.#run('pg_ctl', ['-D', this.#data, ...args, 'start']);
  }

  async promote(): Promise<void> {
    await this.#run('pg_ctl', ['-D', this.#data, '-w', '-t', '120', 'promote']);
  }

  /** Gives it settings, which count from its next start on, or when it is told to read them again. */
  configure(...settings: readonly string[]): void {
    appendFileSync(join(this.#data, 'postgresql.auto.conf'), settings.map((one) => `${one}\n`).join(''));
  }

  /** Has it read its settings again. */
  reload(...settings: readonly string[]): void {
    this.configure(...settings);
    signal(this.#pids()[0] ?? 0, 'SIGHUP');
  }

  /** Ends it as a loss of power does; the folder stays. */
  kill(): void {
    // Its processes outlive it for a moment, in which it can't be started again.
    for (const pid of this.#pids()) signal(pid, 'SIGKILL');
    // Where nobody reaps dead processes, it would be taken for one that runs.
    for (const lock of [this.#pidFile, join(this.#dir, `.s.PGSQL.${this.port}.lock`)])
      rmSync(lock, { force: true });
  }

  /** Stops all its processes until they are thawed or killed. */
  freeze(): void {
    for (const pid of this.#pids()) signal(pid, 'SIGSTOP');
  }

  thaw(): void {
    for (const pid of this.#pids()) signal(pid, 'SIGCONT');
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    if (existsSync(this.#pidFile)) {
      this.thaw();
      await this.#run('pg_ctl', ['-D', this.#data, '-w', '-m', 'immediate', 'stop']);
    }
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** The newest lines that it logged. */
  log(): string {
    return readFileSync(join(this.#dir, 'log'), 'utf8').slice(-4_000);
  }

  /** The server's first process, and the others. */
  #pids(): readonly number[] {
    const main = readFileSync(this.#pidFile, 'utf8').split('\n')[0] ?? '';
    const children = `/proc/${main}/task/${main}/children`;
    const others = existsSync(children) ? readFileSync(children, 'utf8').trim().split(' ') : [];
    return [main, ...others].map(Number).filter((pid) => pid > 0);
  }

  async #run(name: string, args: readonly string[]): Promise<void> {
    await runAsPostgres([join(this.#bin, name), ...args], this.#dir);
  }
}

/** Starts a server. */
export async function startPostgres(
  bin: string,
  settings: readonly string[] = [],
  parent = tmpdir(),
): Promise<PostgresServer> {
  const server = await PostgresServer.place(bin, settings, parent);
  await server.initialize();
  await server.restart();
  return server;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}
