import assert from 'node:assert/strict';
import type { BlockRef, Frame, StateChange } from '../../contracts/index.js';
import { account, FIXTURE_IDENTITY, fixtureBatch, fixtureFrames, refOf } from '../fixture-frames.js';
import type { ComplianceCase } from './case.js';
import {
  changesNothing,
  entriesOf,
  everything,
  readAll,
  rejects,
  type StorageFixture,
  withStore,
} from './storage-kit.js';

const frames = fixtureFrames(8);

/** Blocks that change one key again and again, remove it, set it anew, and change others. */
const changes: readonly (readonly StateChange[])[] = [
  [account('a', '0'), account('gone', 'x')],
  [account('a', '1'), account('a', '1b'), account('b', '1')],
  [account('a', null), account('gone', null)],
  [account('a', '3'), account('a', null), account('a', '3b')],
  [],
  [account('b', null), account('new', '5')],
  [account('a', '6'), account('b', '6'), account('gone', '6')],
  [account('new', null), account('a', null)],
];

const at = (height: number): BlockRef => refOf(frames[height] as Frame);

/** Rollbacks. */
export function rollbackCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [...restoreCases(fixture), ...afterwardsCases(fixture), ...refusalCases(fixture)];
}

function restoreCases(fixture: StorageFixture): readonly ComplianceCase[] {
  const batchings = { 'in one batch': [8], 'block by block': [1, 1, 1, 1, 1, 1, 1, 1], mixed: [3, 1, 4] };
  return Object.entries(batchings).map(([name, sizes], index): ComplianceCase => ({
    id: `ST-20.${index + 1}`,
    title: `A rollback restores the state as it was after that block, to any height; committed ${name}`,
    run: async () => {
      for (const to of [0, 2, 3, 5, 7]) {
        const wanted = await builtUpTo(fixture, to);
        await withStore(fixture, async (store) => {
          for (let from = 0, i = 0; from < frames.length; from += sizes[i++] ?? 1) {
            const end = from + (sizes[i] ?? 1);
            await store.commit(fixtureBatch(frames.slice(from, end), changes.slice(from, end)));
          }
          const dropped = await store.rollback(at(to));
          assert.deepEqual(
            dropped.map(plainRef),
            frames
              .slice(to + 1)
              .map(refOf)
              .reverse(),
          );
          assert.deepEqual(await everything(store), wanted);
          assert.equal(await store.get(to + 1), null);
          assert.equal(await store.header(to + 1), null);
          await store.commit(fixtureBatch(frames.slice(to + 1, to + 2).concat(to === 7 ? more() : [])));
        });
      }
    },
  }));
}

function afterwardsCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-21',
      title:
        'A rollback to null empties the store of blocks and state, keeps the identity, and any base may follow',
      run: () =>
        withStore(fixture, async (store) => {
          await store.commit(fixtureBatch(frames, changes));
          const dropped = await store.rollback(null);
          assert.equal(dropped.length, 8);
          assert.equal(store.checkpoint().head, null);
          assert.deepEqual(await entriesOf(store), []);
          assert.deepEqual(await readAll(store, { from: 0, to: 100 }), []);
          assert.deepEqual(store.identity(), FIXTURE_IDENTITY);
          assert.deepEqual(await store.rollback(null), []);
          await store.commit({ ...fixtureBatch(fixtureFrames(2, { from: 40 })), identity: null });
          assert.equal(store.checkpoint().base, 40);
          assert.equal(await store.get(3), null);
        }),
    },
    {
      id: 'ST-22',
      title: 'After a rollback another branch can be committed and rolled back again',
      run: () =>
        withStore(fixture, async (store) => {
          await store.commit(fixtureBatch(frames, changes));
          await store.rollback(at(2));
          const after = await everything(store);
          const branch = fixtureFrames(9, { on: at(2), branch: 'other' });
          await store.commit(fixtureBatch(branch, [[account('a', 'other')], [], [account('b', null)]]));
          assert.deepEqual(await entriesOf(store), [['a', 'other']]);
          assert.equal((await store.header(5))?.hash, branch[2]?.header.hash);
          await store.rollback(at(2));
          assert.deepEqual(await everything(store), after);
        }),
    },
    {
      id: 'ST-23',
      title: 'A rollback to the head drops nothing, and one to the final block is allowed',
      run: () =>
        withStore(fixture, async (store) => {
          await store.commit(fixtureBatch(frames, changes, at(3)));
          await changesNothing(store, async () => {
            assert.deepEqual(await store.rollback(at(7)), []);
          });
          assert.equal((await store.rollback(at(3))).length, 4);
          assert.deepEqual(plainRef(store.checkpoint().finalized), at(3));
          assert.deepEqual(await entriesOf(store), [
            ['a', '3b'],
            ['b', '1'],
          ]);
        }),
    },
  ];
}

function refusalCases(fixture: StorageFixture): readonly ComplianceCase[] {
  const unknown: Record<string, BlockRef> = {
    'a height above the head': { height: 8, hash: at(7).hash },
    'another hash at a height that is held': { height: 5, hash: at(4).hash },
    'a height below the base': { height: 0, hash: at(0).hash },
  };
  return [
    {
      id: 'ST-24',
      title: 'A rollback that would drop a final block is BELOW_FINALIZED and changes nothing',
      run: () =>
        withStore(fixture, async (store) => {
          await store.commit(fixtureBatch(frames.slice(0, 5), changes, at(1)));
          await store.commit(fixtureBatch(frames.slice(5), changes.slice(5), at(4)));
          for (const to of [null, at(0), at(3)])
            await changesNothing(store, () => rejects(() => store.rollback(to), 'BELOW_FINALIZED'));
        }),
    },
    {
      id: 'ST-25',
      title: 'A rollback to a block that is not held is STORE_GAP and changes nothing',
      run: () =>
        withStore(fixture, async (store) => {
          await rejects(() => store.rollback(at(0)), 'STORE_GAP');
          const held = fixtureFrames(7, { on: at(0) });
          await store.commit(fixtureBatch(held, changes.slice(1)));
          for (const to of Object.values(unknown))
            await changesNothing(store, () => rejects(() => store.rollback(to), 'STORE_GAP'));
        }),
    },
  ];
}

/** Everything of a store that has never had more than the blocks up to a height. */
async function builtUpTo(fixture: StorageFixture, to: number): Promise<object> {
  let wanted: object = {};
  await withStore(fixture, async (store) => {
    await store.commit(fixtureBatch(frames.slice(0, to + 1), changes));
    wanted = await everything(store);
  });
  return wanted;
}

const more = (): readonly Frame[] => fixtureFrames(1, { on: at(7) });

const plainRef = (ref: BlockRef | null): BlockRef | null =>
  ref === null ? null : { height: ref.height, hash: ref.hash };
