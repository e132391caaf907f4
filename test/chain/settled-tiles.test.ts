import test, { type ExecutionContext } from 'ava';
import { linked } from '../../plugins/chain-linked/index.js';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import { MemoryStorage } from '../../plugins/storage-memory/memory-storage.js';
import type { ChainRulesPlugin, Storage, StoragePlugin, StorageTiles } from '../../src/contracts/index.js';
import { type Chain, createSyncEngine, openChain, PLUGIN_API_VERSION } from '../../src/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { serveSource } from '../helpers/servers.js';

/** What a store was told to be settled. */
type Settled = readonly [height: number, isDigested: boolean | undefined];

/** A store that notes what it is told of tiles. */
function noting(settled: Settled[]): StoragePlugin {
  const settle: StorageTiles['settle'] = (height, options) => {
    settled.push([height, options?.isDigested]);
    return Promise.resolve();
  };
  const create = (): Storage => {
    const store = new MemoryStorage();
    Object.assign(store.tiles, { settle });
    return store;
  };
  return { kind: 'storage', name: 'noting', apiVersion: PLUGIN_API_VERSION, create };
}

async function opened(
  t: ExecutionContext,
  settled: Settled[],
  chain: ChainRulesPlugin = sealedJson(),
): Promise<Chain> {
  const made = await openChain({ storage: noting(settled), chain });
  t.teardown(() => made.close());
  return made;
}

test('what is 64 below the head is settled, and a chain hands on the tiles of its store', async (t) => {
  const settled: Settled[] = [];
  const chain = await opened(t, settled);
  t.is(await chain.tiles?.at(0), null);
  await chain.append(sealedChain(60));
  t.deepEqual(settled, []);
  await chain.append(sealedChain(100).slice(60));
  t.deepEqual(settled, [[35, false]]);
});

test('where hashes do not cover all bytes, tiles are to keep a digest', async (t) => {
  const settled: Settled[] = [];
  const chain = await opened(
    t,
    settled,
    linked({ height: 'height', hash: 'hash', previousHash: 'previousHash' }),
  );
  await chain.append(sealedChain(100));
  t.deepEqual(settled, [[35, true]]);
});

test('an engine takes for settled what is further below the head than branches may begin', async (t) => {
  const source = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json' });
  t.teardown(() => source.close());
  await source.append(sealedChain(100));
  const url = await serveSource(t, source);
  for (const [maxRollbackBlocks, height] of [
    [10, 89],
    [200, undefined],
  ] as const) {
    const settled: Settled[] = [];
    const engine = createSyncEngine({ peers: [url], storage: noting(settled), maxRollbackBlocks });
    await engine.start();
    await engine.close();
    t.is(settled.at(-1)?.[0], height);
  }
});
