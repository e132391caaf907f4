import assert from 'node:assert/strict';
import type { Frame } from '../../contracts/index.js';
import { isSyncError } from '../../errors/index.js';
import { account, fixtureBatch, fixtureFrames, refOf } from '../fixture-frames.js';
import type { ComplianceCase } from './case.js';
import {
  changesNothing,
  entriesOf,
  everything,
  plain,
  readAll,
  rejects,
  withStore,
  type StorageFixture,
} from './storage-kit.js';
import {
  ALL,
  IDENTITY,
  entry,
  fill,
  fresh,
  head,
  old,
  replace,
  stageFresh,
  wanted,
} from './storage-stage-kit.js';

/** A store whose contents were replaced, and reads meanwhile. */
export function stageAfterCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    ...afterwardsCases(fixture),
    ...againCases(fixture),
    ...besideCases(fixture),
    ...valueCases(fixture),
  ];
}

function afterwardsCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-62',
      title: 'Blocks can be committed on activated contents and rolled back to them, but not into them',
      run: () =>
        withStore(fixture, async (store) => {
          await fill(store);
          await replace(store);
          const more = fixtureFrames(4, { on: head });
          const changes = [[account('a', '1')], [account('é', null)], [account('new', '1')]];
          await store.commit({ ...fixtureBatch(more, changes), identity: null });
          const { assumed, finalized } = store.checkpoint();
          assert.deepEqual({ assumed, finalized }, { assumed: head, finalized: head });
          for (const to of [null, refOf(fresh[10] as Frame)])
            await changesNothing(store, () => rejects(() => store.rollback(to), 'BELOW_FINALIZED'));
          assert.equal((await store.rollback(head)).length, 4);
          assert.deepEqual(await everything(store), wanted);
        }),
    },
    {
      id: 'ST-63',
      title: 'What was assumed stays so while the final block moves on, and after the store was opened again',
      run: () =>
        withStore(fixture, async (store) => {
          await replace(store);
          const more = fixtureFrames(4, { on: head });
          const final = refOf(more[2] as Frame);
          await store.commit(fixtureBatch(more, [[account('a', '1')]], final));
          const { assumed, finalized } = store.checkpoint();
          assert.deepEqual([assumed, finalized], [head, final]);
          if (!store.supports.durable) return;
          const again = await fixture.reopen(store);
          await again.open();
          assert.deepEqual(again.checkpoint().assumed, head);
          await rejects(() => again.rollback(head), 'BELOW_FINALIZED');
          await again.close();
        }),
    },
  ];
}

function againCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-64',
      title: 'Contents can be replaced again, by lower and by higher ones',
      run: () =>
        withStore(fixture, async (store) => {
          await fill(store);
          for (const [count, from] of [
            [2, 0],
            [5, 900],
            [1, 1],
          ] as const) {
            const frames = fixtureFrames(count, { from });
            const last = refOf(frames[count - 1] as Frame);
            const stage = await store.stage();
            await stage.putState('accounts', [entry(`from ${from}`, '1')]);
            await stage.putBlocks(frames);
            await stage.activate({ identity: IDENTITY, head: last });
            assert.deepEqual((await readAll(store, ALL)).map(plain), frames.map(plain));
            assert.deepEqual(await entriesOf(store), [[`from ${from}`, '1']]);
            const { base, assumed } = store.checkpoint();
            assert.deepEqual([base, assumed], [from, last]);
          }
        }),
    },
  ];
}

function besideCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-65',
      title:
        'A view that is open when contents are replaced shows the old ones or is STORE_CLOSED, and closes',
      run: () =>
        withStore(fixture, async (store) => {
          await fill(store);
          const view = await store.view();
          await replace(store);
          assert.equal(view.checkpoint.head?.hash, old[5]?.header.hash);
          await oldOrClosed(async () => {
            assert.deepEqual((await readAll(view, ALL)).map(plain), old.map(plain));
            assert.deepEqual(await entriesOf(view), [
              ['a', '8'],
              ['gone', 'old'],
            ]);
          });
          await view.close();
        }),
    },
    {
      id: 'ST-66',
      title: 'A read that is under way when contents are replaced ends with the old ones or is STORE_CLOSED',
      run: () =>
        withStore(fixture, async (store) => {
          await fill(store);
          const stage = await stageFresh(store);
          const seen: Frame[] = [];
          await oldOrClosed(async () => {
            for await (const batch of store.read(ALL)) {
              if (seen.length === 0) await stage.activate({ identity: IDENTITY, head });
              seen.push(...batch);
            }
            assert.equal(seen.length, old.length);
          });
          assert.deepEqual(seen.map(plain), old.slice(0, seen.length).map(plain));
          assert.deepEqual(await everything(store), wanted);
        }),
    },
  ];
}

function valueCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-67',
      title: 'Values that are asked for while contents are replaced are of the old ones or of the new',
      run: () =>
        withStore(fixture, async (store) => {
          await fill(store);
          const stage = await stageFresh(store);
          const done = new AbortController();
          const activating = stage.activate({ identity: IDENTITY, head }).finally(() => {
            done.abort();
          });
          const values = new Set<string>();
          while (!done.signal.aborted) {
            const [value] = await Promise.all([
              store.getState('accounts', 'a'),
              store.header(6),
              store.get(7),
            ]);
            values.add(Buffer.from(value ?? []).toString());
          }
          await activating;
          values.add(Buffer.from((await store.getState('accounts', 'a')) ?? []).toString());
          for (const value of values) assert.ok(['8', 'fresh'].includes(value), value);
          assert.ok(values.has('fresh'));
        }),
    },
  ];
}

/** Runs a step that reads the old contents, which may be closed already. */
async function oldOrClosed(step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (!isSyncError(error, 'STORE_CLOSED')) throw error;
  }
}
