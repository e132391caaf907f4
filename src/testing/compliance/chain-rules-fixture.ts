import type { ChainRules } from '../../contracts/index.js';

/** What the suite is run on. */
export interface ChainRulesFixture {
  readonly rules: ChainRules;
  /** Valid blocks, the genesis block first and without a gap; two at least, the smallest a few kB at most. */
  readonly documents: readonly Uint8Array[];
  /** Top-level members that the hash does not cover; none by default. Damage to them may pass. */
  readonly uncovered?: readonly string[];
}
