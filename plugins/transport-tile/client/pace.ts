/** What the newest measurement counts for. */
const NEWEST = 0.3;
/** A request that needs so many times as long as usual takes too long. */
const TOO_LONG = 4;

/** What is known of a request that may take too long. Times in milliseconds, by `performance.now()`. */
export interface Pending {
  readonly startedAt: number;
  /** `null` once all is here. */
  readonly progressAt: number | null;
  /** Since when it is waited for; `null` where the peer was too slow before. */
  readonly dueAt: number | null;
  /** Of the body. */
  readonly bytes: number;
}

/** How long requests usually take, whoever answers them. */
export class Pace {
  readonly #hedgeAfterMs: number;
  #msPerByte: number | null = null;

  /** @param hedgeAfterMs - how long nothing may come. */
  constructor(hedgeAfterMs: number) {
    this.#hedgeAfterMs = hedgeAfterMs;
  }

  /** Takes note of a body that came. */
  measured(bytes: number, ms: number): void {
    const each = ms / Math.max(1, bytes);
    this.#msPerByte = this.#msPerByte === null ? each : this.#msPerByte + NEWEST * (each - this.#msPerByte);
  }

  /** Whether a request takes too long: nothing came for a while, or far less than from others. */
  isTooLong({ startedAt, progressAt, dueAt, bytes }: Pending): boolean {
    if (progressAt === null) return false;
    const now = performance.now();
    // While this process did not look, something may have come that it does not know of.
    if (dueAt !== null && now - dueAt < this.#hedgeAfterMs) return false;
    if (now - progressAt >= this.#hedgeAfterMs) return true;
    return (
      this.#msPerByte !== null && now - startedAt > this.#hedgeAfterMs + TOO_LONG * this.#msPerByte * bytes
    );
  }
}
