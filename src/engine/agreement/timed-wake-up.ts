import { WakeUp } from '../../internal/wake-up.js';

/** Longest time that a timer of the platform takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A {@link WakeUp} that also comes by itself after a time. */
export class TimedWakeUp {
  readonly #wake = new WakeUp();

  notify(): void {
    this.#wake.notify();
  }

  /** Resolves at the next notification, or after a time; `Infinity` for none. @throws SyncError once the signal fires */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    const timer =
      ms === Infinity
        ? undefined
        : setTimeout(
            () => {
              this.#wake.notify();
            },
            Math.min(Math.max(ms, 1), MAX_TIMER_MS),
          );
    try {
      await this.#wake.wait(signal);
    } finally {
      clearTimeout(timer);
    }
  }
}
