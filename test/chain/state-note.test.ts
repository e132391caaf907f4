import test from 'ava';
import { memoryStorage } from '../../plugins/storage-memory/index.js';
import { type BlockRef, openChain, type Storage } from '../../src/index.js';
import { checkStateNote, writeStateNote } from '../../src/chain/state/state-note.js';
import { sealedChain } from '../helpers/sealed-chain.js';

/** A store of five blocks that no transition saw, of which those up to a height came in a snapshot. */
async function snapshotUpTo(height: number): Promise<Pick<Storage, 'checkpoint' | 'cursor' | 'setCursor'>> {
  const storage = memoryStorage().create();
  const chain = await openChain({ storage: { ...memoryStorage(), create: () => storage } });
  const refs = await chain.append(sealedChain(5));
  const assumed = refs[height] as BlockRef;
  return {
    checkpoint: () => ({ ...storage.checkpoint(), assumed }),
    cursor: (consumer) => storage.cursor(consumer),
    setCursor: (consumer, ref) => storage.setCursor(consumer, ref),
  };
}

test('a transition goes on from the state of a snapshot, when no block was added since', async (t) => {
  const storage = await snapshotUpTo(4);
  t.true(await checkStateNote(storage, true));
  await writeStateNote(storage, 5);
  t.false(await checkStateNote(storage, true));
  await t.throwsAsync(checkStateNote(storage, false), { code: 'STATE_FAILED' });
});

test('blocks that were added to a snapshot without a transition are missed by one', async (t) => {
  const storage = await snapshotUpTo(3);
  await t.throwsAsync(checkStateNote(storage, true), { code: 'STATE_FAILED', message: /up to 4/ });
  t.false(await checkStateNote(storage, false));
});
