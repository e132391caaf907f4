import type { ChainRules } from '../../src/contracts/index.js';
import type { BitcoinSettings } from './options.js';
import { BitcoinRules } from './rules.js';

/** Makes the rules on a worker thread; the options are those that the plugin states. */
export function createRules(settings: BitcoinSettings): ChainRules {
  return new BitcoinRules(settings);
}
