import test from 'ava';
import { TileCache } from '../../src/tiles/tile-cache.js';
import type { Chain } from '../../src/chain/chain.js';
import { openChain } from '../../src/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { openTiled } from '../helpers/tiled-chain.js';

/** The memory that the first block of a chain is held in. */
async function memoryOfFirst(chain: Chain): Promise<ArrayBufferLike | null> {
  for await (const [frame] of chain.read({ from: 0, to: 100 })) return frame?.bytes.buffer ?? null;
  return null;
}

test('readers that come at once to a tile share what is decoded of it', async (t) => {
  const location = tempDir(t);
  const blocks = sealedChain(1100, (height) => ({ text: `block ${height} `.repeat(20) }));
  await (await openTiled(location, blocks)).close();
  const chain = await openChain({ storage: { use: 'leveldb', location }, finality: { depth: 0 } });
  t.teardown(() => chain.close());
  const memories = await Promise.all(Array.from({ length: 20 }, () => memoryOfFirst(chain)));
  t.not(memories[0], null);
  t.is(new Set(memories).size, 1);
});

test('a failure to decode is told to all who wait, and the next one tries again', async (t) => {
  const cache = new TileCache();
  let tries = 0;
  const failing = (): Promise<never> => {
    tries += 1;
    return Promise.reject(new Error('damaged'));
  };
  const reading = [cache.of('1:0', failing), cache.of('1:0', failing)];
  t.true(cache.has('1:0'));
  await Promise.all(reading.map((each) => t.throwsAsync(each, { message: 'damaged' })));
  t.is(tries, 1);
  t.false(cache.has('1:0'));
  t.is(await cache.of('1:0', () => Promise.resolve({ value: 'whole', bytes: 5 })), 'whole');
  t.true(cache.has('1:0'));
});
