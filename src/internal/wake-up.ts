import { raceAbort } from './abort.js';

/** A wake-up that is remembered: one `notify` before `wait` is enough, many count as one. */
export class WakeUp {
  #set = false;
  #resolve: (() => void) | null = null;

  notify(): void {
    this.#set = true;
    this.#resolve?.();
    this.#resolve = null;
  }

  /** Resolves at the next notification, or at once when one came since the last wait. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.#set) {
      const notified = new Promise<void>((resolve) => {
        this.#resolve = resolve;
      });
      await raceAbort(notified, signal);
    }
    this.#set = false;
  }
}
