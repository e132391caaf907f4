import type { BlockHeader, BlockRef } from '../../contracts/index.js';

/** How far ahead of this node's clock a block's time may be and still count. */
const MAX_AHEAD_MS = 120_000;

/** A time before 1973 is no time of a block in milliseconds; in seconds it is what today's clocks show. */
const MIN_CREDIBLE_MS = 1e11;
/** A time so many times the present one is none in milliseconds either, but in microseconds or nanoseconds. */
const MAX_CREDIBLE_FACTOR = 100;

/** Knows how old the newest block is: by its own time where it has a credible one, else by when it came. */
export class Freshness {
  readonly #now: () => number;
  readonly #clock: () => number;
  readonly #onUnknown: (header: BlockHeader) => void;
  #hasTold = false;
  #hash: string | null = null;
  #arrivedMs: number;

  /**
   * @param now - milliseconds on a monotonic clock.
   * @param onUnknown - told once of a block without a time in milliseconds.
   * @param clock - milliseconds since 1970.
   */
  constructor(
    now: () => number,
    onUnknown: (header: BlockHeader) => void,
    clock: () => number = () => Date.now(),
  ) {
    this.#now = now;
    this.#onUnknown = onUnknown;
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
    if (header === null) return sinceArrivalMs;
    const { timestamp } = header;
    if (timestamp === null || !this.#isMilliseconds(timestamp)) {
      this.#tellOnce(header);
      return sinceArrivalMs;
    }
    const ageMs = this.#clock() - timestamp;
    // A block from the future proves nothing about now.
    return ageMs < -MAX_AHEAD_MS ? sinceArrivalMs : Math.max(0, ageMs);
  }

  #isMilliseconds(timestamp: number): boolean {
    return timestamp >= MIN_CREDIBLE_MS && timestamp < this.#clock() * MAX_CREDIBLE_FACTOR;
  }

  #tellOnce(header: BlockHeader): void {
    if (!this.#hasTold) this.#onUnknown(header);
    this.#hasTold = true;
  }
}
