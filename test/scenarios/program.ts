import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** What is waited for comes within this time, or the scenario fails. */
const FIND_MS = 180_000;

/** One event of the command's JSON output. */
export type Line = Readonly<Record<string, unknown>> & { readonly type?: string };

/** The command under way, with `--json`. */
export class Program {
  readonly child: ChildProcess;
  readonly lines: Line[] = [];
  readonly exited: Promise<number | null>;
  #listeners = new Set<(line: Line) => void>();

  /** @param prefix - a command that runs the command: `ip netns exec NAME`. */
  constructor(args: readonly string[], prefix: readonly string[] = []) {
    const [file, ...rest] = [...prefix, process.execPath, MAIN, ...args, '--json'];
    this.child = spawn(file, rest, { stdio: ['pipe', 'pipe', 'ignore'] });
    this.child.stdin?.on('error', () => undefined);
    this.exited = once(this.child, 'close').then(([code]) => code as number | null);
    if (this.child.stdout === null) throw new Error('no standard output');
    createInterface({ input: this.child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as Line;
      this.lines.push(line);
      for (const listener of [...this.#listeners]) listener(line);
    });
  }

  /** Calls back for each line until the returned function is called. */
  onLine(listener: (line: Line) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Resolves with the first line, of those before and those to come, that fits. */
  async find(fits: (line: Line) => boolean, from = 0): Promise<Line> {
    const found = this.lines.slice(from).find(fits);
    if (found !== undefined) return found;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        stop();
        reject(new Error(`nothing of the kind came; the last was ${JSON.stringify(this.lines.at(-1))}`));
      }, FIND_MS);
      const stop = this.onLine((line) => {
        if (!fits(line)) return;
        clearTimeout(timer);
        stop();
        resolve(line);
      });
      void this.exited.then((code) => {
        clearTimeout(timer);
        reject(new Error(`the program ended with ${String(code)}: ${JSON.stringify(this.lines.at(-1))}`));
      });
    });
  }

  /** Where it listens. */
  async url(): Promise<string> {
    const { url } = await this.find((line) => eventOf(line) === 'listening');
    return String(url);
  }

  write(text: string | Uint8Array): void {
    this.child.stdin?.write(text);
  }

  /** Ends it and waits. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.exited;
  }
}

/** The kind of a line. */
export function eventOf(line: Line): unknown {
  return line['event'];
}

/** Runs the command to its end. @throws Error when it fails */
export async function run(args: readonly string[]): Promise<readonly Line[]> {
  const program = new Program(args);
  const code = await program.exited;
  if (code !== 0)
    throw new Error(`${args.join(' ')}: ${String(code)} ${JSON.stringify(program.lines.at(-1))}`);
  return program.lines;
}
