import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Calls that make a store durable; `log write` are the writes to LevelDB's log. */
export const CALLS = ['fdatasync', 'fsync', 'rename', 'pwrite64', 'log write'] as const;
export type Call = (typeof CALLS)[number];

/** What happens at the n-th call. */
export type AtCall = 'error=EIO' | 'signal=SIGKILL';

/** The log of a LevelDB has one of these names for as long as a row takes. */
const LOG_NUMBERS = 60;

/** Counters of strace are kept for each thread: with one thread for files there is one count. */
export const ONE_FILE_THREAD = { UV_THREADPOOL_SIZE: '1' } as const;

/** Breaks the n-th call of a process by strace. */
export class Tracer {
  readonly prefix: readonly string[];
  readonly #output: string;

  constructor(output: string, location: string, call: Call, when: number, what: AtCall) {
    this.#output = output;
    rmSync(output, { force: true });
    const name = call === 'log write' ? 'write' : call;
    const logs = Array.from({ length: LOG_NUMBERS }, (_, number) =>
      join(location, 'db', `${String(number).padStart(6, '0')}.log`),
    );
    const only = call === 'log write' ? logs.flatMap((path) => ['-P', path]) : [];
    const inject = `inject=${name}:${what}:when=${when}`;
    this.prefix = ['strace', '-f', '-qq', '-o', output, '-e', `trace=${name}`, ...only, '-e', inject];
  }

  /** Whether the call was reached. */
  fired(): boolean {
    if (!existsSync(this.#output)) return false;
    return /\(INJECTED\)|killed by SIGKILL/.test(readFileSync(this.#output, 'utf8'));
  }
}
