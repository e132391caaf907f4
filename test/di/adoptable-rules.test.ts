import test, { type ExecutionContext } from 'ava';
import { linked } from '../../plugins/chain-linked/index.js';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import { type ChainRulesPlugin, createSyncEngine, isSyncError, openChain } from '../../src/index.js';
import { BUILTIN } from '../../src/di/builtin.js';
import { PluginResolver } from '../../src/di/resolve.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { blocksOn } from '../engine/follow-support.js';
import { listen } from '../helpers/servers.js';

/** Rules under another name. */
function named(name: string, plugin: ChainRulesPlugin): ChainRulesPlugin {
  const rules = plugin.create();
  const { selfCertifying, genesisPreviousHash } = rules;
  return {
    ...plugin,
    name,
    create: () => ({
      id: name,
      selfCertifying,
      genesisPreviousHash,
      describe: (document) => rules.describe(document),
      verify: (document, expected) => rules.verify(document, expected),
    }),
  };
}

const fields = { height: 'height', hash: 'hash', previousHash: 'previousHash' };

/** Takes from a peer of these rules what it announces. @returns the code of the failure */
async function outcome(
  t: ExecutionContext,
  rules: ChainRulesPlugin,
  plugins: ChainRulesPlugin[],
): Promise<string | null> {
  const memory = { use: 'memory' } as const;
  const chain = await openChain({ storage: memory, chain: rules });
  await chain.append(blocksOn(null, 3, 'rules'));
  const server = createSyncServer({ source: chain });
  const url = await listen(t, nodeListener(server));
  const retry = { maxAttempts: 1 };
  const engine = createSyncEngine({ peers: [url], storage: memory, plugins, retry });
  t.teardown(async () => {
    await engine.close();
    await server.close();
    await chain.close();
  });
  try {
    await engine.start();
    t.is(engine.chain?.tip().head?.height, 2);
    return null;
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return error.code;
  }
}

test('the built-in rules that may be taken over are those that say that they recompute hashes', async (t) => {
  const resolver = new PluginResolver([]);
  const names = Object.entries(BUILTIN.chain).map(([name, { hasArguments }]) =>
    hasArguments ? `${name}:height,hash,parent` : name,
  );
  const proving: string[] = [];
  for (const name of names) if ((await resolver.rules(name)).selfCertifying) proving.push(name);
  t.deepEqual(resolver.adoptableRules(), proving);
  t.deepEqual(proving, ['sealed-json', 'ethereum', 'evm-bft', 'cometbft', 'bitcoin', 'fabric']);
});

test('rules that the host passes are taken over when they recompute hashes, and only then', async (t) => {
  const proving = named('own', sealedJson());
  t.is(await outcome(t, proving, [proving]), null);
  const labels = named('own', linked(fields));
  t.is(await outcome(t, labels, [labels]), 'CHAIN_MISMATCH');
});

test('rules passed in place of built-in ones count, not those that they replace', (t) => {
  const labels = named('ethereum', linked(fields));
  t.deepEqual(new PluginResolver([labels]).adoptableRules(), [
    'sealed-json',
    'evm-bft',
    'cometbft',
    'bitcoin',
    'fabric',
  ]);
});

test('rules that are not here are not taken over from a peer', async (t) => {
  t.is(await outcome(t, named('dogecoin', sealedJson()), []), 'CHAIN_MISMATCH');
});
