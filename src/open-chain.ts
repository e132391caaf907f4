import type { Chain } from './chain/chain.js';
import { type OpenOptions, openStore } from './chain/open-store.js';
import { type ChainPlan, chainPlan } from './config/chain-plan.js';
import type { ChainConfig } from './config/types.js';

/**
 * Opens a chain to append to, read or serve. Close it at the end. The configuration is read here and never again.
 *
 * @throws TypeError which names the option, for a value that it can't have, and an option that there isn't.
 * @throws SyncError `STORE_*`, `PLUGIN_*`, `CODEC_UNAVAILABLE`, `CHAIN_MISMATCH`; `CHECKPOINT_MISMATCH` when the store
 *   contradicts `checkpoints` or a `chainId` that is a hash; `STATE_FAILED` when there is a
 *   `stateTransition` that the store's blocks were added without.
 */
export async function openChain(config: ChainConfig): Promise<Chain> {
  return openPlanned(chainPlan(config));
}

/** Opens the chain of a plan. @throws SyncError as {@link openChain} */
export async function openPlanned(plan: ChainPlan, options: OpenOptions = {}): Promise<Chain> {
  const { assembleChain } = await import('./di/assemble.js');
  return openStore(await assembleChain(plan), plan.settings, options);
}
