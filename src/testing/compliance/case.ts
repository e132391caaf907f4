/** One requirement of a plugin contract, runnable in any test runner: `test(c.title, () => c.run())`. */
export interface ComplianceCase {
  /** Stable and unique: `ST-03`. */
  readonly id: string;
  /** The requirement as a sentence. */
  readonly title: string;
  /**
   * Rejects (with an `AssertionError` of `node:assert`) when the plugin does not meet the requirement, or the case has not ended
   * in time: {@link ComplianceOptions.caseLimitMs}.
   */
  readonly run: () => Promise<void>;
}

/** How a suite is run. */
export interface ComplianceOptions {
  /**
   * Longest time of one case, in milliseconds: one that takes longer fails by its name. Some runners begin all cases at once, so
   * it has to be longer than all take together. Calls that don't come back, as an endless loop of synchronous rules, can't be
   * ended.
   *
   * @defaultValue 180,000
   */
  readonly caseLimitMs?: number;
}
