import test from 'ava';
import { memoryStorage } from '../../plugins/storage-memory/index.js';
import type { Frame, Storage, StoragePlugin } from '../../src/contracts/index.js';
import { openChain } from '../../src/index.js';
import { blocksOn } from '../engine/follow-support.js';

/** The memory store, whose frames come out as `alter` makes them. */
function altered(alter: (frame: Frame) => Frame): StoragePlugin {
  const create = (): Storage => {
    const storage = memoryStorage().create();
    const get = storage.get.bind(storage);
    storage.get = async (height) => {
      const frame = await get(height);
      return frame === null ? null : alter(frame);
    };
    return storage;
  };
  return { ...memoryStorage(), name: 'altered', create };
}

test('a block that the store gives is parsed only if it has the hash that was verified', async (t) => {
  let isAltered = false;
  const alter = (frame: Frame): Frame => {
    const bytes = Buffer.from(frame.bytes);
    const at = bytes.indexOf('first');
    if (isAltered) bytes.write('other', at);
    return { ...frame, bytes };
  };
  const chain = await openChain({ storage: altered(alter), chain: 'sealed-json' });
  t.teardown(() => chain.close());
  await chain.append(blocksOn(null, 2, 'first', () => ({ text: 'first' })));
  t.like((await chain.get(1))?.json(), { height: 1, text: 'first' });
  isAltered = true;
  const block = await chain.get(1);
  for (let call = 0; call < 2; call++) {
    const error = t.throws(() => block?.json());
    t.like(error, { code: 'STORE_DAMAGED', context: { height: 1 } });
    t.like(error.cause, { code: 'HASH_MISMATCH' });
  }
  t.true(block?.text().includes('other'), 'the bytes are there to look at');
});
