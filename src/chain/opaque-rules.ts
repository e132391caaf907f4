import type { ChainRules } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';

/** Rules of a store that nobody here knows: its blocks can be read and handed on as they are, and none can be added. */
export function opaqueRules(id: string): ChainRules {
  const unknown = (): never => {
    throw new SyncError(
      'PLUGIN_UNKNOWN',
      `The chain rules ${id} are not known here, so no block can be checked.`,
    );
  };
  const none = { describe: unknown, verify: unknown };
  return { id, selfCertifying: false, genesisPreviousHash: null, ...none };
}
