import { type ChainConfig, chainSettings } from './config.js';
import { DEFAULT_RETRY } from './engine/backoff.js';
import type { Chain } from './chain/chain.js';
import { chooseRules } from './engine/handshake.js';
import { chainOf } from './engine/chain-opener.js';

/** Settings that a chain which nothing is synced into has no use for. */
const NO_SYNC = {
  peers: [],
  mode: 'auto',
  trust: null,
  snapshotType: 'recent',
  minSnapshotBlocks: 0,
  to: null,
  follow: false,
  agree: 1,
  staleAfterMs: null,
  headCheckMs: 1,
  retry: DEFAULT_RETRY,
} as const;

/**
 * Opens a chain to append to, read or serve. Close it at the end.
 *
 * @throws TypeError for a configuration that can't be meant.
 * @throws SyncError `STORE_*`, `PLUGIN_*`, `CHAIN_MISMATCH`; `STATE_FAILED` when there is a `stateTransition` that the
 *   store's blocks were added without.
 */
export async function openChain(config: ChainConfig): Promise<Chain> {
  const settings = { ...chainSettings(config), ...NO_SYNC };
  const { assembleChain } = await import('./di/assemble.js');
  const parts = await assembleChain(config);
  try {
    await parts.storage.open();
    const identity = parts.storage.identity();
    const rules = chooseRules({ configured: settings.chain, identity, adoptable: [] }, null);
    const chain = chainOf(parts, settings, await parts.rules(rules));
    await chain.checkStore();
    return chain;
  } catch (error) {
    await parts.close();
    throw error;
  }
}
