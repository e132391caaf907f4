import type { ChainRules } from '../../../src/contracts/index.js';
import type { EvmBftOptions } from './options.js';
import { EvmBftRules } from './rules.js';

/** Makes the rules on a worker thread. */
export function createRules(options: EvmBftOptions): ChainRules {
  return new EvmBftRules(options);
}
