import assert from 'node:assert/strict';
import type { BlockRef, CommitBatch, Frame, StateChange, Storage } from '../../contracts/index.js';
import { account, fixtureBatch, fixtureFrames, refOf } from '../fixture-frames.js';
import type { ComplianceCase } from './case.js';
import {
  changesNothing,
  entriesOf,
  everything,
  plain,
  readAll,
  rejects,
  type StorageFixture,
  withStore,
} from './storage-kit.js';

const frames = fixtureFrames(6);
const changes: readonly (readonly StateChange[])[] = [
  [account('a', '0'), account('gone', 'x')],
  [account('a', '1'), account('b', '1')],
  [account('gone', null)],
  [account('a', null), account('c', '3')],
  [],
  [account('b', null), account('c', '5')],
];

const at = (height: number): BlockRef => refOf(frames[height] as Frame);

/** Another branch from a block of the fixture on, with changes of its own, in one batch. */
function replacing(to: number, count: number): CommitBatch {
  const branch = fixtureFrames(count, { on: at(to), branch: 'other' });
  const own = branch.map(({ header: { height } }) => [account('a', `o${height}`), account('c', null)]);
  return { ...fixtureBatch(branch, own), rollbackTo: at(to) };
}

/** Replacement of a branch in one batch. */
export function replaceCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    ...takenCases(fixture),
    ...laterCases(fixture),
    ...refusedCases(fixture),
    ...stateAfterCases(fixture),
  ];
}

function takenCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-70',
      title:
        'A batch that goes back first leaves what a rollback and a commit would, longer or shorter than before',
      run: async () => {
        for (const to of [0, 2, 4, 5]) {
          for (const count of [1, 3, 7]) {
            let wanted: object = {};
            await withFrames(fixture, async (store) => {
              await store.rollback(at(to));
              await store.commit({ ...replacing(to, count), rollbackTo: null });
              wanted = await everything(store);
            });
            await withFrames(fixture, async (store) => {
              await store.commit(replacing(to, count));
              assert.deepEqual(await everything(store), wanted);
              assert.equal(await store.header(to + count + 1), null);
            });
          }
        }
      },
    },
    {
      id: 'ST-71',
      title: 'What was replaced can be gone back behind again, and the old branch put back',
      run: () =>
        withFrames(fixture, async (store) => {
          const before = await everything(store);
          await store.commit(replacing(2, 5));
          await store.commit({ ...fixtureBatch(frames.slice(3), changes.slice(3)), rollbackTo: at(2) });
          assert.deepEqual(await everything(store), before);
          await store.rollback(at(1));
          assert.deepEqual(await entriesOf(store), [
            ['a', '1'],
            ['b', '1'],
            ['gone', 'x'],
          ]);
        }),
    },
  ];
}

function laterCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-72',
      title: 'A view from before shows the branch that was replaced since',
      run: () =>
        withFrames(fixture, async (store) => {
          const view = await store.view();
          const entries = await entriesOf(store);
          await store.commit(replacing(1, 6));
          const seen = await readAll(view, { from: 0, to: 100 });
          assert.deepEqual(seen.map(plain), frames.map(plain));
          assert.deepEqual(await entriesOf(view), entries);
          await view.close();
        }),
    },
    {
      id: 'ST-73',
      title: 'What replaced a branch is there after a restart',
      run: async () => {
        const store = await fixture.create();
        if (!store.supports.durable) return;
        await store.open();
        await store.commit(fixtureBatch(frames, changes));
        await store.commit(replacing(3, 2));
        const before = await everything(store);
        const again = await fixture.reopen(store);
        await again.open();
        assert.deepEqual(await everything(again), before);
        await again.close();
      },
    },
  ];
}

function refusedCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-74',
      title: 'A batch that goes back below the final block is BELOW_FINALIZED and changes nothing',
      run: () =>
        withFrames(fixture, async (store) => {
          await store.advance({ confirmed: at(4), finalized: at(3) });
          for (const to of [0, 2])
            await changesNothing(store, () =>
              rejects(() => store.commit(replacing(to, 8)), 'BELOW_FINALIZED'),
            );
          await store.commit(replacing(3, 1));
          assert.equal(store.checkpoint().head?.height, 4);
        }),
    },
    {
      id: 'ST-75',
      title:
        'A batch that goes back to a block that is not held, or does not fit on it, is STORE_GAP and changes nothing',
      run: () =>
        withFrames(fixture, async (store) => {
          const batch = replacing(2, 8);
          const misfits: readonly CommitBatch[] = [
            { ...batch, rollbackTo: { height: 2, hash: at(1).hash } },
            { ...batch, rollbackTo: { height: 6, hash: at(5).hash } },
            { ...batch, rollbackTo: at(1) },
            { ...batch, rollbackTo: at(3) },
            { ...batch, blocks: batch.blocks.slice(1) },
          ];
          for (const misfit of misfits)
            await changesNothing(store, () => rejects(() => store.commit(misfit), 'STORE_GAP'));
        }),
    },
  ];
}

function stateAfterCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-76',
      title: 'The state after each block that is not below the final one can be read',
      run: () =>
        withFrames(fixture, async (store) => {
          for (const height of frames.keys()) {
            const wanted = await stateUpTo(fixture, height);
            const state = await store.stateAfter(at(height));
            for (const key of ['a', 'b', 'c', 'gone', 'never'])
              assert.equal(text(await state.getState('accounts', key)), wanted.get(key) ?? null);
            assert.equal(await state.getState('contracts', 'a'), null);
          }
          await store.advance({ confirmed: at(5), finalized: at(2) });
          await rejects(() => store.stateAfter(at(1)), 'BELOW_FINALIZED');
          await rejects(() => store.stateAfter({ height: 3, hash: at(2).hash }), 'STORE_GAP');
          await rejects(() => store.stateAfter({ height: 6, hash: at(5).hash }), 'STORE_GAP');
        }),
    },
  ];
}

const text = (value: Uint8Array | null): string | null =>
  value === null ? null : Buffer.from(value).toString();

async function withFrames(fixture: StorageFixture, step: (store: Storage) => Promise<void>): Promise<void> {
  await withStore(fixture, async (store) => {
    await store.commit(fixtureBatch(frames, changes));
    await step(store);
  });
}

/** The accounts of a store that has never had more than the blocks up to a height. */
async function stateUpTo(fixture: StorageFixture, height: number): Promise<ReadonlyMap<string, string>> {
  let entries: readonly (readonly [string, string])[] = [];
  await withStore(fixture, async (store) => {
    await store.commit(fixtureBatch(frames.slice(0, height + 1), changes));
    entries = await entriesOf(store);
  });
  return new Map(entries);
}
