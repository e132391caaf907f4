import { throwIfAborted } from '../internal/abort.js';
import { nextTurn } from '../internal/turns.js';

/** Gives others their turn in the middle of long work. */
export interface Pace {
  /** Whether it is time for that. */
  readonly isDue: boolean;
  /** Gives them their turn. @throws SyncError when the work was called off */
  next(): Promise<void>;
}

/** Of a thread on which nobody else waits. */
export const WITHOUT_PAUSES: Pace = { isDue: false, next: () => Promise.resolve() };

/** Longest turn, as far as the steps of the work allow. */
const TURN_MS = 4;

/** Turns of the event loop, short enough for a host that has other things to do on its thread. */
export class Turns implements Pace {
  readonly #signal: AbortSignal | undefined;
  #began = performance.now();

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  get isDue(): boolean {
    return performance.now() - this.#began >= TURN_MS;
  }

  async next(): Promise<void> {
    await nextTurn();
    throwIfAborted(this.#signal);
    this.#began = performance.now();
  }
}
