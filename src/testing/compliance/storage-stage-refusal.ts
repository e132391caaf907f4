import assert from 'node:assert/strict';
import type { BlockRef, Frame } from '../../contracts/index.js';
import { fixtureFrames, refOf } from '../fixture-frames.js';
import type { ComplianceCase } from './case.js';
import {
  changesNothing,
  everything,
  plain,
  readAll,
  rejects,
  withStore,
  type StorageFixture,
} from './storage-kit.js';
import { ALL, IDENTITY, entry, fill, fresh, head, stageFresh, tables, wanted } from './storage-stage-kit.js';

/** What can't be staged or activated. */
export function stageRefusalCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [...refusalCases(fixture), ...gapCases(fixture), ...overCases(fixture)];
}

function refusalCases(fixture: StorageFixture): readonly ComplianceCase[] {
  const heads: Record<string, BlockRef> = {
    'a block below the last': refOf(fresh[10] as Frame),
    'a block above the last': { height: 17, hash: 'aa' },
    'another hash': { height: 16, hash: refOf(fresh[10] as Frame).hash },
  };
  return [
    ...Object.entries(heads).map(([name, wrong], index): ComplianceCase => ({
      id: `ST-57.${index + 1}`,
      title: `Activating with a head that is not the last staged block is STORE_GAP, changes nothing, and can be put right: ${name}`,
      run: () =>
        withStore(fixture, async (store) => {
          await fill(store);
          const stage = await stageFresh(store);
          await changesNothing(store, () =>
            rejects(() => stage.activate({ identity: IDENTITY, head: wrong }), 'STORE_GAP'),
          );
          await stage.activate({ identity: IDENTITY, head });
          assert.deepEqual(await everything(store), wanted);
        }),
    })),
  ];
}

function gapCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-58',
      title: 'Activating without a block is STORE_GAP and changes nothing',
      run: () =>
        withStore(fixture, async (store) => {
          await fill(store);
          const stage = await store.stage();
          await stage.putState('accounts', tables.accounts);
          await changesNothing(store, () =>
            rejects(() => stage.activate({ identity: IDENTITY, head }), 'STORE_GAP'),
          );
          await stage.close();
        }),
    },
    {
      id: 'ST-59',
      title:
        'Staged blocks that do not fit on those before are STORE_GAP, none of them is staged, and others can be',
      run: () =>
        withStore(fixture, async (store) => {
          const stage = await store.stage();
          await stage.putBlocks(fresh.slice(0, 4));
          const other = fixtureFrames(12, { from: 5, branch: 'third' });
          const misfits = [
            fresh.slice(5),
            fresh.slice(3),
            other.slice(4),
            [...fresh.slice(4, 6), ...fresh.slice(7)],
          ];
          for (const misfit of misfits) await rejects(() => stage.putBlocks(misfit), 'STORE_GAP');
          await stage.putBlocks(fresh.slice(4));
          await stage.activate({ identity: IDENTITY, head });
          assert.deepEqual((await readAll(store, ALL)).map(plain), fresh.map(plain));
        }),
    },
  ];
}

function overCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-60',
      title: 'A second stage beside an open one is a TypeError, and the first goes on',
      run: () =>
        withStore(fixture, async (store) => {
          const stage = await stageFresh(store);
          await assert.rejects(() => store.stage(), TypeError);
          await stage.activate({ identity: IDENTITY, head });
          assert.deepEqual(await everything(store), wanted);
        }),
    },
    {
      id: 'ST-61',
      title: 'A stage that was activated or closed is STORE_CLOSED, and closing it harms nothing',
      run: () =>
        withStore(fixture, async (store) => {
          const closed = await store.stage();
          await closed.close();
          const activated = await stageFresh(store);
          await activated.activate({ identity: IDENTITY, head });
          for (const stage of [closed, activated]) {
            await stage.close();
            await rejects(() => stage.putState('accounts', [entry('a', '9')]), 'STORE_CLOSED');
            await rejects(() => stage.putBlocks(fresh), 'STORE_CLOSED');
            await rejects(() => stage.activate({ identity: IDENTITY, head }), 'STORE_CLOSED');
          }
          assert.deepEqual(await everything(store), wanted);
        }),
    },
  ];
}
