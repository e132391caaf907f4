import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { SyncError } from '../../errors/index.js';
import { readLines } from '../ndjson.js';

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));
const MAX_LINE_BYTES = 1024 * 1024;
const MAX_ERROR_CHARS = 2000;

/** A line that a command wrote with `--json`. */
export type NodeEvent = { readonly event: string } & Readonly<Record<string, unknown>>;

/** One `blockferry` command in a process of its own. */
export class NodeProcess {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #exited: Promise<number | null>;
  #errors = '';

  constructor(name: string, args: readonly string[]) {
    this.#name = name;
    this.#child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-MAX_ERROR_CHARS);
    });
    this.#exited = new Promise((resolve, reject) => {
      this.#child.once('exit', resolve);
      this.#child.once('error', reject);
    });
    this.#exited.catch(() => undefined);
  }

  /** What the command tells, until it ends or is killed. */
  async *events(): AsyncGenerator<NodeEvent, void, undefined> {
    for await (const lines of readLines(this.#output(), MAX_LINE_BYTES)) {
      for (const line of lines)
        if (line !== null) yield JSON.parse(Buffer.from(line).toString()) as NodeEvent;
    }
  }

  /** SHA-256 of everything the command writes, in hex. @throws SyncError when it fails. */
  async outputHash(): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of this.#output()) hash.update(chunk);
    await this.succeeded();
    return hash.digest('hex');
  }

  /** Ends the process, if it still runs, and waits until it is gone. @returns its exit status; `null` after a kill. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    this.kill(signal);
    const code = await this.#exited;
    this.#child.stdout?.destroy();
    return code;
  }

  /** Sends a signal without waiting. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal);
  }

  /** Waits for the exit status 0. @throws SyncError */
  async succeeded(): Promise<void> {
    const code = await this.#exited;
    if (code === 0) return;
    const message = `${this.#name} ended with the status ${String(code)}: ${this.#errors.trim()}`;
    throw new SyncError('INTERNAL', message);
  }

  #output(): AsyncIterable<Uint8Array> {
    return this.#child.stdout as AsyncIterable<Uint8Array>;
  }
}
