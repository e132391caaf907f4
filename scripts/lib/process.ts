import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** How a program ended and what it printed. */
export interface Finished {
  /** Exit status; `null` when it was ended by a signal, as at the time limit. */
  readonly status: number | null;
  /** Standard output and error, as they came. */
  readonly output: string;
}

/** Where and how long a program runs. */
export interface RunOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Ends it, and all it started. Default 120,000. */
  readonly timeoutMs?: number;
}

/**
 * Runs a program in a process group of its own and ends whatever is left of the group when it has exited, so that
 * servers that a script leaves in the background don't outlive it.
 */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<Finished> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const timer = setTimeout(() => {
    endGroup(child.pid);
  }, options.timeoutMs ?? 120_000);
  const closed = once(child, 'close');
  closed.catch(() => undefined);
  try {
    const [status] = (await once(child, 'exit')) as [number | null];
    // The output ends when nobody holds its pipes any more, and that is when the whole group is gone.
    endGroup(child.pid);
    await closed;
    return { status, output };
  } finally {
    clearTimeout(timer);
    endGroup(child.pid);
  }
}

/** Runs a program that has to succeed. @throws Error with its output when it does not. */
export async function mustRun(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string> {
  const { status, output } = await run(command, args, options);
  if (status === 0) return output;
  throw new Error(`${[command, ...args].join(' ')} ended with ${status ?? 'a signal'}:\n${output}`);
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group is gone already.
  }
}
