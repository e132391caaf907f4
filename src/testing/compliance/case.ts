/** One requirement of a plugin contract, runnable in any test runner: `test(c.title, () => c.run())`. */
export interface ComplianceCase {
  /** Stable and unique: `ST-03`. */
  readonly id: string;
  /** The requirement as a sentence. */
  readonly title: string;
  /** Rejects (with an `AssertionError` of `node:assert`) when the plugin does not meet the requirement. */
  run(): Promise<void>;
}
