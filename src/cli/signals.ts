import { SyncError } from '../errors/index.js';
import { EXIT } from './exit.js';

/** A clean stop that takes longer than this is not one any more; the process ends then. */
const STOP_DEADLINE_MS = 4500;

/** A second signal within this time is the same key press, sent by the terminal and again by a parent such as npm. */
const REPEAT_MS = 1000;

const SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;
type StopSignal = keyof typeof SIGNALS;

/** Turns the first SIGINT or SIGTERM into an abort; a second one, or a stop that hangs, ends the process. */
export class StopSignals {
  readonly #abort = new AbortController();
  readonly #listener = (name: StopSignal): void => {
    this.#receive(name);
  };
  #received: StopSignal | null = null;
  #receivedMs = 0;
  readonly #deadlineMs: number;

  /** @param deadlineMs - a stop that takes longer ends the process. */
  constructor(deadlineMs: number = STOP_DEADLINE_MS) {
    this.#deadlineMs = deadlineMs;
    for (const name of names()) process.on(name, this.#listener);
  }

  /** Fires at the first signal. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Exit status that the signal asks for; `null` while none came. */
  get exitCode(): number | null {
    return this.#received === null ? null : SIGNALS[this.#received];
  }

  dispose(): void {
    for (const name of names()) process.off(name, this.#listener);
  }

  #receive(name: StopSignal): void {
    if (this.#received !== null) {
      if (performance.now() - this.#receivedMs > REPEAT_MS) process.exit(SIGNALS[name]);
      return;
    }
    this.#received = name;
    this.#receivedMs = performance.now();
    this.#abort.abort(new SyncError('ABORTED', `Stopped by ${name}.`));
    setTimeout(() => process.exit(SIGNALS[name]), this.#deadlineMs).unref();
  }
}

function names(): readonly StopSignal[] {
  return Object.keys(SIGNALS) as StopSignal[];
}
