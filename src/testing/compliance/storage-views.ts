import assert from 'node:assert/strict';
import type { Frame, Storage } from '../../contracts/index.js';
import { account, fixtureBatch, fixtureFrames, refOf } from '../fixture-frames.js';
import type { ComplianceCase } from './case.js';
import { entriesOf, plain, readAll, type StorageFixture, withStore } from './storage-kit.js';

const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };
const frames = fixtureFrames(12, { bytes: 300_000 });
const branch = fixtureFrames(12, { bytes: 300_000, branch: 'other' });

/** Puts another chain with another state in the place of the first. */
async function replaceAll(store: Storage): Promise<void> {
  await store.rollback(null);
  await store.commit(fixtureBatch(branch, [[account('a', 'other'), account('c', 'other')]]));
}

/** Views, and reads beside writes. */
export function viewCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [...stableCases(fixture), ...besideCases(fixture)];
}

function stableCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-40',
      title: 'A view stays as it was while blocks are committed and rolled back',
      run: () =>
        withStore(fixture, async (store) => {
          await store.commit(fixtureBatch(frames, [[account('a', '1'), account('b', '1')]]));
          const view = await store.view();
          const { head } = view.checkpoint;
          assert.deepEqual((await readOver(store, view.read(ALL))).map(plain), frames.map(plain));
          assert.equal(head?.hash, frames[11]?.header.hash);
          assert.deepEqual((await readAll(view, ALL)).map(plain), frames.map(plain));
          assert.deepEqual(await entriesOf(view), [
            ['a', '1'],
            ['b', '1'],
          ]);
          await Promise.all([view.close(), view.close()]);
          await view.close();
          assert.deepEqual((await readAll(store, ALL)).map(plain), branch.map(plain));
        }),
    },
    {
      id: 'ST-41',
      title: 'A view of an empty store stays empty, and open views do not keep a store from closing',
      run: () =>
        withStore(fixture, async (store) => {
          const view = await store.view();
          await store.commit(fixtureBatch(frames, [[account('a', '1')]]));
          assert.equal(view.checkpoint.head, null);
          assert.deepEqual(await readAll(view, ALL), []);
          assert.deepEqual(await entriesOf(view), []);
          await store.close();
          await view.close();
        }),
    },
  ];
}

function besideCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-42',
      title: 'A read during which the chain is replaced gives blocks of one chain, and calls nothing damaged',
      run: () =>
        withStore(fixture, async (store) => {
          await store.commit(fixtureBatch(frames));
          const read = await readOver(store, store.read(ALL));
          assert.deepEqual(read.map(plain), frames.map(plain));
        }),
    },
    {
      id: 'ST-43',
      title: 'Reads beside a write see the store before or after it, never in the middle',
      run: () =>
        withStore(fixture, async (store) => {
          const state = (value: string): readonly ReturnType<typeof account>[] =>
            Array.from({ length: 1500 }, (_, i) => account(`k${i}`, value));
          const one = frames.slice(0, 1);
          const bottom = refOf(one[0] as Frame);
          await store.commit(fixtureBatch(one, [state('0')]));
          for (let round = 1; round <= 5; round++) {
            const next = fixtureFrames(10, { on: bottom, branch: `${round}` });
            const writing = store.commit(fixtureBatch(next, [state(`${round}`)]));
            for (let i = 0; i < 3; i++) await seesOne(store, next.length + 1);
            await writing;
            const dropping = store.rollback(bottom);
            for (let i = 0; i < 3; i++) await seesOne(store, next.length + 1);
            await dropping;
          }
        }),
    },
  ];
}

/** Asserts that the blocks are none or all of a batch, and that the values of the state are of one moment. */
async function seesOne(store: Storage, whole: number): Promise<void> {
  const read = await readAll(store, ALL);
  assert.ok(read.length === 1 || read.length === whole, `${read.length} blocks in the middle of a write`);
  const entries = await entriesOf(store);
  assert.equal(entries.length, 1500);
  assert.equal(new Set(entries.map(([, value]) => value)).size, 1);
  const top = await store.get(whole - 1);
  assert.ok(top === null || top.header.height === whole - 1);
}

/** The frames of a read whose first batch is taken before the chain is replaced. */
async function readOver(store: Storage, source: AsyncIterable<readonly Frame[]>): Promise<readonly Frame[]> {
  const frames: Frame[] = [];
  for await (const batch of source) {
    if (frames.length === 0) await replaceAll(store);
    frames.push(...batch);
  }
  return frames;
}
