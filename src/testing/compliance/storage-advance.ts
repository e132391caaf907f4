import assert from 'node:assert/strict';
import type { BlockRef, Frame, Storage } from '../../contracts/index.js';
import { fixtureBatch, fixtureFrames, refOf } from '../fixture-frames.js';
import type { ComplianceCase } from './case.js';
import { changesNothing, rejects, type StorageFixture, withStore } from './storage-kit.js';

const frames = fixtureFrames(8);
const at = (height: number): BlockRef => refOf(frames[height] as Frame);

/** The confirmed and the final block, which move with a batch or without. */
export function advanceCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [...forwardCases(fixture), ...backCases(fixture)];
}

function forwardCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-77',
      title: 'The confirmed and the final block move without a block, forward only, and stay',
      run: async () => {
        const store = await fixture.create();
        await store.open();
        await store.commit(fixtureBatch(frames));
        await store.advance({ confirmed: at(5), finalized: null });
        expectMarks(store, 5, null);
        await store.advance({ confirmed: at(3), finalized: at(2) });
        expectMarks(store, 5, 2);
        await store.advance({ confirmed: null, finalized: at(1) });
        expectMarks(store, 5, 2);
        assert.equal(store.checkpoint().head?.height, 7);
        if (!store.supports.durable) return store.close();
        const again = await fixture.reopen(store);
        await again.open();
        expectMarks(again, 5, 2);
        return again.close();
      },
    },
    {
      id: 'ST-78',
      title: 'Nothing above the head is confirmed, and nothing above the confirmed block is final',
      run: () =>
        withStore(fixture, async (store) => {
          await store.commit({ ...fixtureBatch(frames.slice(0, 6)), confirmed: at(4) });
          await changesNothing(store, () =>
            refused(() => store.advance({ confirmed: at(6), finalized: null })),
          );
          await changesNothing(store, () =>
            refused(() => store.advance({ confirmed: null, finalized: at(5) })),
          );
          const batch = { ...fixtureBatch(frames.slice(6)), confirmed: null, finalized: at(5) };
          await changesNothing(store, () => refused(() => store.commit(batch)));
        }),
    },
  ];
}

function backCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-79',
      title:
        'Going back below the confirmed block moves it along, with new blocks in the same batch or without',
      run: () =>
        withStore(fixture, async (store) => {
          await store.commit({ ...fixtureBatch(frames), confirmed: at(6) });
          await store.rollback(at(6));
          expectMarks(store, 6, null);
          await store.rollback(at(4));
          expectMarks(store, 4, null);
          const branch = fixtureFrames(5, { on: at(3), branch: 'other' });
          await store.commit({ ...fixtureBatch(branch), rollbackTo: at(3) });
          expectMarks(store, 3, null);
          const next = fixtureFrames(5, { on: at(2), branch: 'third' });
          const confirmed = refOf(next[1] as Frame);
          await store.commit({ ...fixtureBatch(next), rollbackTo: at(2), confirmed });
          expectMarks(store, 4, null);
          assert.equal(store.checkpoint().confirmed?.hash, confirmed.hash);
          await store.rollback(null);
          expectMarks(store, null, null);
        }),
    },
    {
      id: 'ST-80',
      title: 'What is final can not be gone back below once it was moved without a block',
      run: () =>
        withStore(fixture, async (store) => {
          await store.commit(fixtureBatch(frames));
          await store.advance({ confirmed: at(7), finalized: at(5) });
          await changesNothing(store, () => rejects(() => store.rollback(at(4)), 'BELOW_FINALIZED'));
        }),
    },
  ];
}

async function refused(step: () => Promise<void>): Promise<void> {
  await assert.rejects(async () => {
    await step();
  }, TypeError);
}

function expectMarks(store: Storage, confirmed: number | null, finalized: number | null): void {
  const checkpoint = store.checkpoint();
  const heights = [checkpoint.confirmed, checkpoint.finalized].map((ref) => ref?.height ?? null);
  assert.deepEqual(heights, [confirmed, finalized]);
  for (const ref of [checkpoint.confirmed, checkpoint.finalized])
    if (ref !== null && ref.height <= 2) assert.equal(ref.hash, at(ref.height).hash);
}
