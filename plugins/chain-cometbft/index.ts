import { type ChainRulesPlugin, PLUGIN_API_VERSION } from '../../src/contracts/index.js';
import { ownModule } from '../../src/internal/node/own-module.js';
import { type CometbftOptions, readCometbftOptions } from './options.js';
import { CometbftRules } from './rules.js';

export { cometbftDocument, type CometbftAnswers } from './join.js';
export { CometbftJoiner } from './joiner.js';
export type { CometbftOptions, CometbftValidator, CometbftValidators } from './options.js';

/**
 * Rules of CometBFT and of Tendermint from 0.34 on: answers of `/block`, with those of `/commit` and `/validators` joined to
 * them, or headers with their commits. The header's hash, its data, evidence and last commit are recomputed; a commit's
 * signatures are checked, and the validators of each block are those that the block below has named.
 *
 * Nothing is said of the application's state, of results, and of `block_id.parts` where there is no commit.
 *
 * @throws TypeError for an option that is none.
 */
export function cometbft(options: CometbftOptions = {}): ChainRulesPlugin {
  const settings = readCometbftOptions(options);
  return {
    kind: 'chain',
    name: 'cometbft',
    apiVersion: PLUGIN_API_VERSION,
    create: () => new CometbftRules(settings),
    worker: { module: ownModule('plugins/chain-cometbft/worker.js'), options: settings },
  };
}
