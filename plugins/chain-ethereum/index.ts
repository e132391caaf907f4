import { type ChainRulesPlugin, PLUGIN_API_VERSION } from '../../src/contracts/index.js';
import { ownModule } from '../../src/internal/node/own-module.js';
import { type EvmBftOptions, readEvmBftOptions } from './bft/options.js';
import { EvmBftRules } from './bft/rules.js';
import { type EthereumOptions, readEthereumOptions } from './options.js';
import { EthereumRules } from './rules.js';

export type { EvmBftOptions } from './bft/options.js';
export type { Curve } from './bft/recover.js';
export type { Quorum } from './bft/seals.js';
export type { ValidatorsFrom } from './bft/validators.js';
export type { EthereumOptions } from './options.js';

/**
 * Rules of Ethereum and of chains with its header form (protocol section 1.6): JSON-RPC block objects whose hash is the
 * Keccak-256 of the RLP header, in every form from Frontier to Prague.
 *
 * The hash covers the header, and through it the uncles, the transactions (types 0 to 4) and the withdrawals that a
 * document holds in full. Of a transaction everything is proved that its sender signed, its hash and its place. Nothing
 * covers `from`, `size`, `totalDifficulty`, the mined `gasPrice` of types 2 to 4, or the order of bare hashes.
 *
 * @throws TypeError for options that don't fit.
 */
export function ethereum(options: EthereumOptions = {}): ChainRulesPlugin {
  const settings = readEthereumOptions(options);
  return {
    kind: 'chain',
    name: 'ethereum',
    apiVersion: PLUGIN_API_VERSION,
    create: () => new EthereumRules(settings),
    worker: { module: ownModule('plugins/chain-ethereum/worker.js'), options: settings },
  };
}

/**
 * Rules of permissioned chains of the Ethereum family: blocks of IBFT1 (GoQuorum), IBFT 2.0 (Besu), QBFT (both) and
 * Clique, told apart block by block. They prove what `ethereum` proves, and who made a block: seals in canonical form, each
 * by another validator, as many as the chain demands; and which validators there may be, from those that `validators` names.
 *
 * Which of the validators have sealed, and in which round, is not part of a block's hash: two honest nodes may have
 * different bytes for one block.
 *
 * @throws TypeError for options that don't fit.
 */
export function evmBft(options: EvmBftOptions = {}): ChainRulesPlugin {
  const settings = readEvmBftOptions(options);
  return {
    kind: 'chain',
    name: 'evm-bft',
    apiVersion: PLUGIN_API_VERSION,
    create: () => new EvmBftRules(settings),
    worker: { module: ownModule('plugins/chain-ethereum/bft/worker.js'), options: settings },
  };
}
