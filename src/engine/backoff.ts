/** When and how often to try again. Times in milliseconds. */
export interface RetryOptions {
  /**
   * Failures in a row without a new block before the engine gives up, at least 1; `Infinity` never does. What
   * `giveUpAfterMs` is for does not count.
   *
   * @defaultValue 5, and `Infinity` with `follow`
   */
  readonly maxAttempts: number;
  /**
   * How long without a new block the engine tries on when peers can't be reached, are busy or break off, once one of them
   * has worked; at least 1. It is looked at after each failure. `null`: such failures count for `maxAttempts` too.
   *
   * @defaultValue 300,000, and `null` with `follow` and where `maxAttempts` is given
   */
  readonly giveUpAfterMs: number | null;
  /**
   * First delay, at least 1; doubles with each failure.
   *
   * @defaultValue 1,000
   */
  readonly baseDelayMs: number;
  /**
   * Longest delay, at least 1.
   *
   * @defaultValue 30,000
   */
  readonly maxDelayMs: number;
  /**
   * How long after the loss of a connection that worked the peer is tried again after 100 to 300 ms, as long as it can't be
   * reached at all; from the fourth such attempt on, the delays grow like those after other connections without a block.
   * These attempts don't count as failures. 0 for none.
   *
   * @defaultValue 3,000
   */
  readonly quickForMs: number;
}

/** Defaults of {@link RetryOptions} (protocol section 4). */
export const DEFAULT_RETRY: RetryOptions = {
  maxAttempts: 5,
  giveUpAfterMs: 300_000,
  baseDelayMs: 1000,
  maxDelayMs: 30_000,
  quickForMs: 3000,
};
