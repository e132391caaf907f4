import type { ChainRules } from '../../src/contracts/index.js';
import type { FabricSettings } from './options.js';
import { FabricRules } from './rules.js';

/** Makes the rules on a worker thread; the options are those that the plugin states. */
export function createRules(settings: FabricSettings): ChainRules {
  return new FabricRules(settings);
}
