import { type ChainRulesPlugin, PLUGIN_API_VERSION } from '../../src/contracts/index.js';
import type { EthereumOptions } from './options.js';
import { EthereumRules } from './rules.js';

export type { EthereumOptions } from './options.js';

/**
 * Rules of Ethereum and of chains with its header form (protocol section 1.6): JSON-RPC block objects whose hash is the
 * Keccak-256 of the RLP header, in every form from Frontier to Prague.
 *
 * The hash covers the header, and through it the uncles, the transactions (types 0 to 4) and the withdrawals that a
 * document holds in full. Of a transaction everything is proved that its sender signed, its hash and its place. Nothing
 * covers `from`, `size`, `totalDifficulty`, the mined `gasPrice` of types 2 to 4, or the order of bare hashes.
 */
export function ethereum(options: EthereumOptions = {}): ChainRulesPlugin {
  return {
    kind: 'chain',
    name: 'ethereum',
    apiVersion: PLUGIN_API_VERSION,
    create: () => new EthereumRules(options),
    worker: { module: new URL('./worker.js', import.meta.url).href, options },
  };
}
