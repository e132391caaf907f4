import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Program } from '../scenarios/program.js';

type Undo = () => unknown;

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  /** The end of what it wrote to standard error. */
  readonly errors: string;
}

/** A process of a row. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

const MAX_ERROR_CHARS = 2_000;

/**
 * What one row sets up: a folder, processes, mounts, namespaces. All of it is undone in reverse order, however the row
 * ends.
 */
export class Site {
  readonly dir: string;
  readonly #undo: Undo[] = [];
  #closing: Promise<void> | null = null;

  constructor() {
    this.dir = mkdtempSync(join(tmpdir(), 'blockferry-faults-'));
    this.defer(() => {
      this.removeFolder();
    });
  }

  /** Also while something is being written into it. @throws Error when that goes on */
  removeFolder(): void {
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  }

  /** A path in the folder. */
  path(...names: readonly string[]): string {
    return join(this.dir, ...names);
  }

  /** Undone before all that was deferred earlier. */
  defer(undo: Undo): void {
    this.#undo.push(undo);
  }

  /** The command line, with `--json`; killed at the end. */
  program(args: readonly string[], prefix: readonly string[] = []): Program {
    this.#mustBeOpen();
    const program = new Program(args, prefix);
    this.defer(() => program.end('SIGKILL'));
    return program;
  }

  /** Any command; it is killed at the end, with all that it has started: a tracer leaves what it traces behind. */
  spawn(command: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
    this.#mustBeOpen();
    const [file = '', ...args] = command;
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      detached: true,
    });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-MAX_ERROR_CHARS);
    });
    const ended = once(child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as string | null,
      errors,
    }));
    ended.catch(() => undefined);
    this.defer(async () => {
      killGroup(child);
      await ended.catch(() => undefined);
    });
    return { child, ended };
  }

  /** Undoes everything, also what comes after a step that fails. @throws Error that names the steps which failed */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const failures: string[] = [];
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) {
      try {
        await undo();
      } catch (error) {
        failures.push(String(error));
      }
    }
    if (failures.length > 0) throw new Error(`not cleaned up: ${failures.join('; ')}`);
  }

  /** A row that ran out of time must not start anything more. */
  #mustBeOpen(): void {
    if (this.#closing !== null) throw new Error('The row is over.');
  }
}

/** Ends a process that leads a group of its own, and the group. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

/** Runs a command of the system to its end. @returns its output @throws Error with what it wrote to standard error */
export function command(file: string, ...args: readonly string[]): string {
  return execFileSync(file, args, { stdio: 'pipe', encoding: 'utf8', timeout: 60_000 });
}
