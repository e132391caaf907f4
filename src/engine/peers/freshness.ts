import type { BlockHeader, BlockRef } from '../../contracts/index.js';

/** How far ahead of this node's clock a block's time may be and still count. */
const MAX_AHEAD_MS = 120_000;

/** Knows how old the newest block is: by its own time where it has a credible one, else by when it came. */
export class Freshness {
  readonly #now: () => number;
  readonly #clock: () => number;
  #hash: string | null = null;
  #arrivedMs: number;

  /**
   * @param now - milliseconds on a monotonic clock.
   * @param clock - milliseconds since 1970.
   */
  constructor(now: () => number, clock: () => number = () => Date.now()) {
    this.#now = now;
    this.#clock = clock;
    this.#arrivedMs = now();
  }

  /** Takes the present head, and gives its age in milliseconds. */
  ageMs(head: BlockRef | null, header: BlockHeader | null): number {
    const hash = head?.hash ?? null;
    if (hash !== this.#hash) {
      this.#hash = hash;
      this.#arrivedMs = this.#now();
    }
    const sinceArrivalMs = this.#now() - this.#arrivedMs;
    const timestamp = header?.timestamp ?? null;
    if (timestamp === null) return sinceArrivalMs;
    const ageMs = this.#clock() - timestamp;
    // A block from the future proves nothing about now.
    return ageMs < -MAX_AHEAD_MS ? sinceArrivalMs : Math.max(0, ageMs);
  }
}
