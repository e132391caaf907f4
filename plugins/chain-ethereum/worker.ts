import type { ChainRules } from '../../src/contracts/index.js';
import type { EthereumSettings } from './options.js';
import { EthereumRules } from './rules.js';

/** Makes the rules on a worker thread. */
export function createRules(options: EthereumSettings): ChainRules {
  return new EthereumRules(options);
}
