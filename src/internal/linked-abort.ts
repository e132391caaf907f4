import type { SyncError } from '../errors/index.js';
import { abortError, onAbort } from './abort.js';

/** A signal that fires with another one, or by itself before. Must be released. */
export class LinkedAbort {
  readonly #controller = new AbortController();
  readonly #release: () => void;

  /** @param outer - `undefined` never fires. */
  constructor(outer: AbortSignal | undefined) {
    this.#release = onAbort(outer, () => {
      if (outer !== undefined) this.#controller.abort(abortError(outer));
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Fires the signal; the outer one goes on. Without an error the reason is the platform's `AbortError`. */
  abort(error?: SyncError): void {
    this.#controller.abort(error);
  }

  /** Leaves the outer signal. */
  release(): void {
    this.#release();
  }
}
