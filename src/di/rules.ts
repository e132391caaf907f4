import type { StoreParts } from '../chain/open-store.js';
import type { ChainRules, ChainRulesPlugin, CodecPlugin } from '../contracts/index.js';
import { createTileVerifier } from '../workers/tile-verifier.js';
import type { PluginResolver } from './resolve.js';
import type { Scope } from './scope.js';
import { TOKENS } from './tokens.js';

/**
 * The rules of a chain, and what checks tiles by them.
 *
 * @param codecs - that tiles may be in besides gzip.
 * @param threads - that may be used at most.
 */
export function rulesParts(
  scope: Scope,
  resolver: PluginResolver,
  codecs: readonly CodecPlugin[],
  threads: number,
): Pick<StoreParts, 'rules' | 'tileVerifier'> {
  /** How threads make the rules that were made here. */
  const workers = new WeakMap<ChainRules, ChainRulesPlugin['worker']>();
  return {
    rules: async (id) => {
      const plugin = await resolver.rulesPlugin(id);
      const rules = plugin.create();
      workers.set(rules, plugin.worker);
      return rules;
    },
    tileVerifier: (rules, { maxBlockBytes }) => {
      const worker = workers.get(rules) ?? null;
      scope.provide(
        TOKENS.tiles,
        () => createTileVerifier({ rules, worker, codecs, maxBlockBytes, threads }),
        (verifier) => verifier.close(),
      );
      return (...tile) => scope.get(TOKENS.tiles).verify(...tile);
    },
  };
}
