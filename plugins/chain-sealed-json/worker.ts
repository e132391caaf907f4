import type { ChainRules } from '../../src/contracts/index.js';
import { SealedJsonRules } from './rules.js';

/** Makes the rules on a worker thread. */
export function createRules(): ChainRules {
  return new SealedJsonRules();
}
