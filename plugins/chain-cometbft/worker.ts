import type { ChainRules } from '../../src/contracts/index.js';
import type { CometbftSettings } from './options.js';
import { CometbftRules } from './rules.js';

/** Makes the rules on a worker thread; the options are those that the plugin states. */
export function createRules(settings: CometbftSettings): ChainRules {
  return new CometbftRules(settings);
}
