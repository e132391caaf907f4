/** When and how often to try again. Times in milliseconds. */
export interface RetryOptions {
  /** Failures in a row without a new block before the engine gives up. Default 5; `Infinity` never does. */
  readonly maxAttempts: number;
  /** First delay; doubles with each failure. Default 1,000. */
  readonly baseDelayMs: number;
  /** Longest delay. Default 30,000. */
  readonly maxDelayMs: number;
  /**
   * How long after the loss of a connection that worked the peer is tried again every 100 to 300 ms, as long as it
   * can't be reached at all. These attempts don't count as failures. Default 3,000; 0 for none.
   */
  readonly quickForMs: number;
}

/** Defaults of {@link RetryOptions} (protocol section 4). */
export const DEFAULT_RETRY: RetryOptions = {
  maxAttempts: 5,
  baseDelayMs: 1000,
  maxDelayMs: 30_000,
  quickForMs: 3000,
};
