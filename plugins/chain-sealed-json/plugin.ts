import { ownModule } from '#platform/own-module';
import { type ChainRulesPlugin, PLUGIN_API_VERSION } from '../../src/contracts/index.js';
import { SealedJsonRules } from './rules.js';

/** Rules of the chain `sealed-json`: JSON documents that start with their own SHA-256 (protocol section 1.4). */
export function sealedJson(): ChainRulesPlugin {
  return {
    kind: 'chain',
    name: 'sealed-json',
    apiVersion: PLUGIN_API_VERSION,
    create: () => new SealedJsonRules(),
    worker: { module: ownModule('plugins/chain-sealed-json/worker.js'), options: null },
  };
}
