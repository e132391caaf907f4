import { type ChainRulesPlugin, PLUGIN_API_VERSION } from '../../src/contracts/index.js';
import { ownModule } from '../../src/internal/node/own-module.js';
import { linkedId, type LinkedOptions } from './options.js';
import { LinkedRules } from './rules.js';

export { parseLinkedId, type LinkedOptions, type TimestampUnit } from './options.js';

/**
 * Rules of chains whose hash can't be recomputed from the JSON (protocol section 1.5): heights and links are checked,
 * hashes are labels.
 *
 * @throws TypeError when a path is unfit, or used twice, or a time has no unit.
 */
export function linked(options: LinkedOptions): ChainRulesPlugin {
  const id = linkedId(options);
  const names = { ...options };
  return {
    kind: 'chain',
    // The full name: a configuration and a peer's status speak of rules by it.
    name: id,
    apiVersion: PLUGIN_API_VERSION,
    create: () => new LinkedRules(id, names),
    worker: { module: ownModule('plugins/chain-linked/worker.js'), options: names },
  };
}
