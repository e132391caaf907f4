import { type ChainRulesPlugin, PLUGIN_API_VERSION } from '../../src/contracts/index.js';
import { EthereumRules } from './rules.js';

/**
 * Rules of Ethereum and of chains with its header form (protocol section 1.6): JSON-RPC block objects whose hash is the
 * Keccak-256 of the RLP header, in every form from Frontier to Prague.
 *
 * The hash covers the header and through it the uncles. It says nothing of the JSON of the transactions, receipts and
 * withdrawals: their roots are part of the header, but are not computed here.
 */
export function ethereum(): ChainRulesPlugin {
  return {
    kind: 'chain',
    name: 'ethereum',
    apiVersion: PLUGIN_API_VERSION,
    create: () => new EthereumRules(),
    worker: { module: new URL('./worker.js', import.meta.url).href, options: null },
  };
}
