import { type ChainRulesPlugin, PLUGIN_API_VERSION } from '../../src/contracts/index.js';
import { ownModule } from '../../src/internal/node/own-module.js';
import { type FabricOptions, readFabricOptions } from './options.js';
import { FabricRules } from './rules.js';

export { fabricDocument } from './document.js';
export type { FabricOptions, FabricOrderer } from './options.js';

/**
 * Rules of Hyperledger Fabric: blocks as configtxlator writes them in JSON, or `{"raw":"…"}` with the block itself in base64.
 * The hash, which no block states, is made of the header; the transactions are checked against it, and orderers' signatures
 * against pinned authorities.
 *
 * Whether a transaction is valid (`metadata[2]`) is signed by nobody: peers decide it, each for itself. It is stored as it
 * came and never proved, as all metadata but the signatures.
 *
 * @throws TypeError for an option that is none.
 */
export function fabric(options: FabricOptions = {}): ChainRulesPlugin {
  const settings = readFabricOptions(options);
  return {
    kind: 'chain',
    name: 'fabric',
    apiVersion: PLUGIN_API_VERSION,
    create: () => new FabricRules(settings),
    worker: { module: ownModule('plugins/chain-fabric/worker.js'), options: settings },
  };
}
