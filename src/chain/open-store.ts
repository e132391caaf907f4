import type { ChainRules, CodecRegistry, Storage } from '../contracts/index.js';
import { Chain } from './chain.js';
import { finalHeight } from './finality.js';
import { checkPinned } from './pins.js';
import type { ChainSettings } from './settings.js';
import type { StorageEncoding } from './storage-encoding.js';

/** Rules of a chain about which nobody says anything. */
export const DEFAULT_RULES = 'sealed-json';

/** The plugins that a chain in a store needs, resolved. */
export interface StoreParts {
  readonly storage: Storage;
  readonly codecs: CodecRegistry;
  readonly encoding: StorageEncoding;
  /** @throws SyncError `PLUGIN_UNKNOWN` */
  rules(id: string): Promise<ChainRules>;
  /** Closes everything that was made, in reverse order. */
  close(): Promise<void>;
}

/** Makes the chain in a store that is open. */
export function chainOf(parts: StoreParts, settings: ChainSettings, rules: ChainRules): Chain {
  return new Chain({
    storage: parts.storage,
    rules,
    codecs: parts.codecs,
    encoding: parts.encoding,
    chainId: settings.chainId,
    pins: settings.pins,
    base: settings.base,
    maxBlockBytes: settings.limits.maxBlockBytes,
    stateTransition: settings.stateTransition,
    finalHeight: (confirmed, chain) => finalHeight(settings.finality, confirmed, chain),
    confirmsVerified: settings.confirmsVerified,
    onClose: () => parts.close(),
  });
}

/**
 * Opens a store and the chain in it; closes the parts when that fails.
 *
 * @throws SyncError `STORE_*`, `PLUGIN_UNKNOWN`, `CHAIN_MISMATCH`, `CHECKPOINT_MISMATCH`, `STATE_FAILED`
 */
export async function openStore(parts: StoreParts, settings: ChainSettings): Promise<Chain> {
  try {
    await parts.storage.open();
    const id = settings.chain ?? parts.storage.identity()?.chain ?? DEFAULT_RULES;
    const rules = await parts.rules(id);
    const chain = chainOf(parts, settings, rules);
    await checkPinned(parts.storage, rules, settings);
    await chain.checkStore();
    return chain;
  } catch (error) {
    await parts.close();
    throw error;
  }
}
