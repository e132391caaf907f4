import test from 'ava';
import { servedTiles } from '../../src/chain/served-tiles.js';
import { TileList, tileOf } from '../helpers/tile-list.js';

const digest = 'ab'.repeat(32);
const plain = tileOf(0, 1023);
const digested = tileOf(1024, 2047, { digest });
const list = new TileList([plain, digested]);
const store = Object.assign(list, {
  settle: () => Promise.resolve(),
  body: () => Promise.resolve(null),
});
const all = { from: 0, to: 4095 };

test('where hashes cover all bytes, tiles are named by them, whatever else the store knows', async (t) => {
  const tiles = servedTiles(store, { covers: 'document' });
  t.deepEqual(await tiles.list(all), [plain, { ...digested, digest: null }]);
  t.deepEqual(await tiles.at(1500), { ...digested, digest: null });
});

test('where they do not, or rules say nothing of it, a tile without a digest is as good as none', async (t) => {
  for (const rules of [{ covers: 'part' }, {}] as const) {
    const tiles = servedTiles(store, rules);
    t.deepEqual(await tiles.list(all), [digested]);
    t.is(await tiles.at(5), null);
    t.deepEqual(await tiles.at(1500), digested);
    t.is(await tiles.at(5000), null);
  }
});
