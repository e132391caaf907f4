import type { SyncError } from '../errors/index.js';
import { abortError } from './abort.js';

/** A signal that fires with another one, or by itself before. Must be released. */
export class LinkedAbort {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #onAbort = (): void => {
    this.#controller.abort(abortError(this.#outer));
  };

  constructor(outer: AbortSignal) {
    this.#outer = outer;
    if (outer.aborted) this.#onAbort();
    else outer.addEventListener('abort', this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(error: SyncError): void {
    this.#controller.abort(error);
  }

  release(): void {
    this.#outer.removeEventListener('abort', this.#onAbort);
  }
}
