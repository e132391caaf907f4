import type { ChainRules } from '../../../src/contracts/index.js';
import type { EvmBftSettings } from './options.js';
import { EvmBftRules } from './rules.js';

/** Makes the rules on a worker thread. */
export function createRules(options: EvmBftSettings): ChainRules {
  return new EvmBftRules(options);
}
