import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { ExecutionContext } from 'ava';
import { projectRoot } from '../helpers/shared.js';

const MAIN = join(projectRoot, 'dist', 'src', 'cli', 'main.js');

/** What a finished command left. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A line of `--json`. */
export type JsonLine = { readonly event: string } & Readonly<Record<string, unknown>>;

/** A `blockferry` process that is killed at the end of the test if it still runs. */
export class Cli {
  readonly finished: Promise<Finished>;
  readonly #child: ChildProcess;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];
  #onData = (): void => undefined;

  constructor(
    t: Pick<ExecutionContext, 'teardown'>,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    const child = spawn(process.execPath, [MAIN, ...args], {
      stdio: 'pipe',
      env: { ...process.env, ...env },
    });
    this.#child = child;
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', (chunk: Buffer) => {
      this.#stdout.push(chunk);
      this.#onData();
    });
    child.stderr.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    this.finished = once(child, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: Buffer.concat(this.#stdout),
      stderr: Buffer.concat(this.#stderr).toString(),
    }));
    void this.finished.then(() => {
      this.#onData();
    });
    t.teardown(() => {
      child.kill('SIGKILL');
      return this.finished;
    });
  }

  get stdin(): Writable {
    return this.#child.stdin as Writable;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Goes away as a reader of the standard output. */
  closeStdout(): void {
    this.#child.stdout?.destroy();
  }

  /** Waits until the standard output has a text in it; rejects when the process ends without it. */
  async waitForText(text: string): Promise<void> {
    while (!Buffer.concat(this.#stdout).includes(text)) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`The process ended without that text. ${(await this.finished).stderr}`);
      await new Promise<void>((resolve) => {
        this.#onData = resolve;
      });
    }
  }

  /** Waits for a line of `--json` that fits; rejects when the process ends without it. */
  async waitFor(fits: (line: JsonLine) => boolean): Promise<JsonLine> {
    for (;;) {
      const found = jsonLines(Buffer.concat(this.#stdout)).find(fits);
      if (found !== undefined) return found;
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        const { code, stderr } = await this.finished;
        const late = jsonLines(Buffer.concat(this.#stdout)).find(fits);
        if (late !== undefined) return late;
        throw new Error(`The process ended with ${String(code)} without that line. ${stderr}`);
      }
      await new Promise<void>((resolve) => {
        this.#onData = resolve;
      });
    }
  }
}

/** The complete lines of `--json` output. */
export function jsonLines(output: Buffer): JsonLine[] {
  const text = output.toString();
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JsonLine);
}

/** Runs a command to its end, in a process of its own, which has to end by itself. */
export async function runAlone(
  t: Pick<ExecutionContext, 'teardown'>,
  args: readonly string[],
  input: Uint8Array = new Uint8Array(),
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const cli = new Cli(t, args, env);
  cli.stdin.end(input);
  return cli.finished;
}

/** Runs `serve` on a free port and waits until it listens. */
export async function serve(
  t: Pick<ExecutionContext, 'teardown'>,
  data: string,
  ...args: readonly string[]
): Promise<{ readonly cli: Cli; readonly url: string }> {
  const cli = new Cli(t, ['serve', '--data', data, '--port', '0', '--json', ...args]);
  const { url } = await cli.waitFor(({ event }) => event === 'listening');
  return { cli, url: url as string };
}
