import assert from 'node:assert/strict';
import type { Frame, Storage } from '../../contracts/index.js';
import { account, fixtureBatch, fixtureFrames, refOf } from '../fixture-frames.js';
import type { ComplianceCase } from './case.js';
import {
  changesNothing,
  entriesOf,
  everything,
  plain,
  rejects,
  withStore,
  type StorageFixture,
} from './storage-kit.js';
import { IDENTITY, entry, fill, fresh, head, old, replace, stageFresh, wanted } from './storage-stage-kit.js';

/** New contents of a store: what they are, and what shows of them before. */
export function stageCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [...activateCases(fixture), ...keptCases(fixture), ...untouchedCases(fixture)];
}

function activateCases(fixture: StorageFixture): readonly ComplianceCase[] {
  const before: Record<string, (store: Storage) => Promise<void>> = {
    'an empty store': () => Promise.resolve(),
    'a filled store': fill,
    'a store that was emptied': async (store) => {
      await store.commit(fixtureBatch(old, [[account('a', '1')]]));
      await store.rollback(null);
    },
  };
  const onto = Object.entries(before).map(([name, prepare], index): ComplianceCase => ({
    id: `ST-50.${index + 1}`,
    title: `What was staged and activated is all that the store then holds: on ${name}`,
    run: () =>
      withStore(fixture, async (store) => {
        await prepare(store);
        await replace(store);
        assert.deepEqual(await everything(store), wanted);
        assert.equal(await store.getState('accounts', 'gone'), null);
        assert.equal(await store.get(4), null);
        assert.equal((await store.header(5))?.hash, fresh[0]?.header.hash);
        assert.deepEqual(plain(await store.get(16)), plain(fresh[11] ?? null));
      }),
  }));
  return [...onto];
}

function keptCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-51',
      title: 'Entries of the state may be staged in any order, also a key again; the last value counts',
      run: () =>
        withStore(fixture, async (store) => {
          const stage = await store.stage();
          await stage.putState('contracts', [entry('b', '1'), entry('a', '1')]);
          await stage.putState('accounts', [entry('z', '1'), entry('é', '1'), entry('a', '1')]);
          await stage.putState('contracts', [entry('a', '2')]);
          await stage.putBlocks(fresh.slice(0, 1));
          await stage.activate({ identity: IDENTITY, head: refOf(fresh[0] as Frame) });
          assert.deepEqual(await entriesOf(store, 'contracts'), [
            ['a', '2'],
            ['b', '1'],
          ]);
          assert.deepEqual(
            (await entriesOf(store)).map(([key]) => key),
            ['a', 'z', 'é'],
          );
        }),
    },
    {
      id: 'ST-52',
      title: 'Cursors are kept, also those that are saved while contents are staged',
      run: () =>
        withStore(fixture, async (store) => {
          await fill(store);
          const stage = await stageFresh(store);
          await store.setCursor('later', { height: 6, hash: 'cd' });
          await stage.activate({ identity: IDENTITY, head });
          assert.deepEqual(await store.cursor('c'), { height: 4, hash: 'ab' });
          assert.deepEqual(await store.cursor('later'), { height: 6, hash: 'cd' });
          assert.equal(await store.cursor('other'), null);
        }),
    },
    {
      id: 'ST-53',
      title: 'A durable store holds the activated contents after it was closed and opened',
      run: async () => {
        let store = await fixture.create();
        if (!store.supports.durable) return;
        await store.open();
        await fill(store);
        await replace(store);
        store = await fixture.reopen(store);
        await store.open();
        assert.deepEqual(await everything(store), wanted);
        assert.deepEqual(await store.cursor('c'), { height: 4, hash: 'ab' });
        await store.close();
      },
    },
  ];
}

function untouchedCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-54',
      title: 'Nothing of what is staged shows before it is activated, and nothing when it is closed instead',
      run: () =>
        withStore(fixture, async (store) => {
          await fill(store);
          await changesNothing(store, async () => {
            const stage = await stageFresh(store);
            const seen = await everything(store);
            await Promise.all([stage.close(), stage.close()]);
            assert.deepEqual(await everything(store), seen);
          });
          await replace(store);
          assert.deepEqual(await everything(store), wanted);
        }),
    },
    {
      id: 'ST-55',
      title:
        'Blocks can be committed and rolled back while others are staged, and stay when the stage is closed',
      run: () =>
        withStore(fixture, async (store) => {
          await fill(store);
          const stage = await stageFresh(store);
          const more = fixtureFrames(2, { on: refOf(old[5] as Frame) });
          await store.commit(fixtureBatch(more, [[account('b', 'more')]]));
          await store.rollback(refOf(more[0] as Frame));
          await stage.close();
          assert.equal(store.checkpoint().head?.hash, more[0]?.header.hash);
          assert.deepEqual(await entriesOf(store), [
            ['a', '8'],
            ['b', 'more'],
            ['gone', 'old'],
          ]);
        }),
    },
    {
      id: 'ST-56',
      title: 'A store that is closed while contents are staged is as before when it is opened again',
      run: async () => {
        let store = await fixture.create();
        await store.open();
        await fill(store);
        const before = await everything(store);
        const stage = await stageFresh(store);
        await store.close();
        await rejects(() => stage.putBlocks([]), 'STORE_CLOSED');
        await rejects(() => stage.activate({ identity: IDENTITY, head }), 'STORE_CLOSED');
        await stage.close();
        if (store.supports.durable) store = await fixture.reopen(store);
        await store.open();
        if (store.supports.durable) assert.deepEqual(await everything(store), before);
        await (await store.stage()).close();
        await store.close();
      },
    },
  ];
}
