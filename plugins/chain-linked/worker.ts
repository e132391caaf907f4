import type { ChainRules } from '../../src/contracts/index.js';
import { linked, type LinkedOptions } from './index.js';

/** Makes the rules on a worker thread; the options are those that the plugin states. */
export function createRules(options: LinkedOptions): ChainRules {
  return linked(options).create();
}
