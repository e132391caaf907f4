import test from 'ava';
import { StoredPosition } from '../../src/chain/consumer/position.js';
import type { Chain } from '../../src/index.js';
import { sourceChain } from '../engine/follow-support.js';

/** Counts the saves of a real chain. */
function counted(chain: Chain): { readonly chain: Chain; readonly heights: number[] } {
  const heights: number[] = [];
  const setCursor = chain.setCursor.bind(chain);
  chain.setCursor = (consumer, ref) => {
    heights.push(ref.height);
    return setCursor(consumer, ref);
  };
  return { chain, heights };
}

test('a position that moves fast is saved now and then, and where it comes to rest', async (t) => {
  const { chain, heights } = counted(await sourceChain(t, 1));
  const position = new StoredPosition(chain, 'host');
  t.is(await position.load(), null);
  const started = performance.now();
  for (let height = 0; height < 500; height++) await position.advance({ height, hash: `h${height}` });
  const tenths = Math.ceil((performance.now() - started) / 100);
  t.true(heights.length <= tenths + 1, `${heights.length} saves in ${tenths} tenths of a second`);
  await position.save();
  t.is(heights.at(-1), 499);
  t.deepEqual(await chain.cursor('host'), { height: 499, hash: 'h499' });
});

test('a position that has not moved is not saved', async (t) => {
  const { chain, heights } = counted(await sourceChain(t, 1));
  const position = new StoredPosition(chain, 'host');
  await position.load();
  await position.save();
  t.deepEqual(heights, []);
  await position.advance({ height: 0, hash: 'h0' });
  await position.save();
  t.deepEqual(heights, [0]);
});
