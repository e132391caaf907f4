import { type ChainRules, type ChainRulesPlugin, PLUGIN_API_VERSION, SyncError } from 'blockferry';
import { sealedJson } from 'blockferry/plugins/chain-sealed-json';

/** Registers the rules `consortium`: `sealed-json`, and each block names one of the members as its author. */
export function consortium(members: readonly string[]): ChainRulesPlugin {
  return {
    kind: 'chain',
    name: 'consortium',
    apiVersion: PLUGIN_API_VERSION,
    create: () => rulesFor(new Set(members)),
  };
}

function rulesFor(members: ReadonlySet<unknown>): ChainRules {
  const sealed = sealedJson().create();
  return {
    id: 'consortium',
    selfCertifying: sealed.selfCertifying,
    genesisPreviousHash: sealed.genesisPreviousHash,
    describe: (document) => sealed.describe(document),
    verify(document, expected) {
      const header = sealed.verify(document, expected);
      const { author } = JSON.parse(new TextDecoder().decode(document)) as { author?: unknown };
      if (members.has(author)) return header;
      const message = `Block ${header.height} is by ${JSON.stringify(author)}, who is no member.`;
      throw new SyncError('BLOCK_MALFORMED', message, { height: header.height });
    },
  };
}
