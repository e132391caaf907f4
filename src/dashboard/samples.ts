import type { Sample } from './document.js';

/** Five minutes of a sample a second. */
const KEPT = 300;

/** Totals that only grow, of one run. */
export interface Totals {
  readonly blocks: number;
  readonly bytes: number;
}

/** What came in each of the last seconds. */
export class Samples {
  readonly #kept: Sample[] = [];
  #number = 0;
  #last: Totals;

  /** @param totals - what was there before. */
  constructor(totals: Totals) {
    this.#last = totals;
  }

  /** Takes what has come since the last call. */
  take(now: Totals, at: number): void {
    const { blocks, bytes } = this.#last;
    // Totals of a new run begin anew.
    const isNewRun = now.blocks < blocks || now.bytes < bytes;
    const since = isNewRun ? now : { blocks: now.blocks - blocks, bytes: now.bytes - bytes };
    this.#last = now;
    this.#number += 1;
    this.#kept.push([this.#number, at, since.blocks, since.bytes]);
    if (this.#kept.length > KEPT) this.#kept.shift();
  }

  /** The newest ones, oldest first. */
  newest(count: number): readonly Sample[] {
    return this.#kept.slice(-count);
  }

  /** All that are kept, oldest first. */
  get all(): readonly Sample[] {
    return this.#kept.slice();
  }
}
