/** How many blocks the newest event may be ahead of the one whose block a subscriber loaded last. */
const MAX_AHEAD = 2048;

/** A subscriber that loads nothing for this long, in milliseconds, is not waited for. */
const PATIENCE_MS = 30_000;

/**
 * How far one subscriber is behind, as far as it shows: an Observable has no way to ask for less. One that loads the
 * block of every event, as a slow `concatMap` does, shows by each load how far it got; what it has not had waits in its
 * queue, and that must not grow for ever. One that loads no block, or only some, is never behind.
 */
export class Pace {
  readonly #now: () => number;
  readonly #onLoad: () => void;
  #given = 0;
  #loaded = 0;
  #lastLoadMs = -Infinity;
  #leavesOut = false;

  constructor(now: () => number, onLoad: () => void) {
    this.#now = now;
    this.#onLoad = onLoad;
  }

  /** Counts an event in. @returns its number, from 1 */
  give(): number {
    return ++this.#given;
  }

  /** The block of an event is being loaded. */
  load(number: number): void {
    if (number > this.#loaded + 1) this.#leavesOut = true;
    this.#loaded = Math.max(this.#loaded, number);
    this.#lastLoadMs = this.#now();
    this.#onLoad();
  }

  /** For how long at most the subscriber should be waited for, in milliseconds; 0 when it is not behind. */
  get behindMs(): number {
    if (this.#leavesOut || this.#given - this.#loaded <= MAX_AHEAD) return 0;
    return Math.max(0, this.#lastLoadMs + PATIENCE_MS - this.#now());
  }
}
