import { type ChainRulesPlugin, PLUGIN_API_VERSION } from '../../src/contracts/index.js';
import { ownModule } from '../../src/internal/node/own-module.js';
import { type BitcoinOptions, readBitcoinOptions } from './options.js';
import { BitcoinRules } from './rules.js';

export { bitcoinDocument } from './document.js';
export type { BitcoinOptions } from './options.js';

/**
 * Rules of Bitcoin and of chains with its headers: answers of `getblock` or `getblockheader` without the members that change
 * from hour to hour, or `hash`, `height` and the `header` in hex. The hash is recomputed, the work checked against `bits`,
 * and the transactions, as far as they are in the document, against the Merkle root and the commitment to the witnesses.
 *
 * The height, and how targets follow from each other, are not in the header: they are as good as the links to a block that
 * is known.
 *
 * @throws TypeError for an option that is none.
 */
export function bitcoin(options: BitcoinOptions = {}): ChainRulesPlugin {
  const settings = readBitcoinOptions(options);
  return {
    kind: 'chain',
    name: 'bitcoin',
    apiVersion: PLUGIN_API_VERSION,
    create: () => new BitcoinRules(settings),
    worker: { module: ownModule('plugins/chain-bitcoin/worker.js'), options: settings },
  };
}
