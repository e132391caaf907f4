import type { ChainRules } from '../../src/contracts/index.js';
import { EthereumRules } from './rules.js';

/** Makes the rules on a worker thread. */
export function createRules(): ChainRules {
  return new EthereumRules();
}
