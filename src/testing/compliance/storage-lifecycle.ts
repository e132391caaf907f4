import assert from 'node:assert/strict';
import type { Storage } from '../../contracts/index.js';
import { account, FIXTURE_IDENTITY, fixtureBatch, fixtureFrames, refOf } from '../fixture-frames.js';
import type { ComplianceCase } from './case.js';
import { entriesOf, everything, readAll, rejects, type StorageFixture, withStore } from './storage-kit.js';

/** Every way to use a store. */
function uses(store: Storage): readonly (() => unknown)[] {
  const frames = fixtureFrames(1);
  const ref = { height: 0, hash: 'aa' };
  return [
    () => store.checkpoint(),
    () => store.identity(),
    () => store.commit(fixtureBatch(frames)),
    () => store.rollback(null),
    () => store.advance({ confirmed: null, finalized: null }),
    () => store.stateAfter(ref),
    () => store.header(0),
    () => store.get(0),
    () => readAll(store, { from: 0, to: 10 }),
    () => store.getState('accounts', 'a'),
    () => entriesOf(store),
    () => store.cursor('c'),
    () => store.setCursor('c', ref),
    () => store.view(),
    () => store.stage(),
  ];
}

/** Opening, closing, and what stays. */
export function lifecycleCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [...openCases(fixture), ...closeCases(fixture), ...durableCases(fixture), ...keptCases(fixture)];
}

function openCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-01',
      title: 'A new store is empty: no head, no final block, no identity, no blocks, no state',
      run: () =>
        withStore(fixture, async (store) => {
          const { head, confirmed, finalized, assumed } = store.checkpoint();
          assert.deepEqual([head, confirmed, finalized, assumed], [null, null, null, null]);
          assert.equal(store.identity(), null);
          assert.equal(await store.get(0), null);
          assert.equal(await store.header(0), null);
          assert.equal(await store.getState('accounts', 'a'), null);
          assert.equal(await store.cursor('c'), null);
          assert.deepEqual(await readAll(store, { from: 0, to: Number.MAX_SAFE_INTEGER }), []);
          assert.deepEqual(await entriesOf(store, 'contracts'), []);
          assert.ok(store.name.length > 0);
        }),
    },
    {
      id: 'ST-02',
      title: 'Every use before open and after close is STORE_CLOSED',
      run: async () => {
        const store = await fixture.create();
        for (const use of uses(store)) await rejects(use, 'STORE_CLOSED');
        await store.open();
        await store.commit(fixtureBatch(fixtureFrames(3)));
        await store.close();
        for (const use of uses(store)) await rejects(use, 'STORE_CLOSED');
      },
    },
  ];
}

function closeCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-03',
      title: 'close may be called any number of times, also before open and at once',
      run: async () => {
        const store = await fixture.create();
        await store.close();
        await store.open();
        await Promise.all([store.close(), store.close()]);
        await store.close();
      },
    },
    {
      id: 'ST-04',
      title: 'open whose signal has fired is ABORTED, and the store can be opened afterwards',
      run: async () => {
        const store = await fixture.create();
        await rejects(() => store.open({ signal: AbortSignal.abort() }), 'ABORTED');
        await rejects(() => store.checkpoint(), 'STORE_CLOSED');
        await store.open();
        assert.equal(store.checkpoint().head, null);
        await store.close();
      },
    },
  ];
}

function durableCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-44',
      title: 'A commit that is under way when the store is closed is finished first',
      run: async () => {
        let store = await fixture.create();
        if (!store.supports.durable) return;
        await store.open();
        const committing = store.commit(fixtureBatch(fixtureFrames(3, { bytes: 100_000 })));
        await Promise.all([committing, store.close()]);
        store = await fixture.reopen(store);
        await store.open();
        assert.equal(store.checkpoint().head?.height, 2);
        await store.close();
      },
    },
    {
      id: 'ST-05',
      title:
        'A durable store is the same after it was closed and opened: blocks, state, final block, cursors',
      run: async () => {
        let store = await fixture.create();
        if (!store.supports.durable) return;
        await store.open();
        const frames = fixtureFrames(20, { from: 5, bytes: 1000 });
        await store.commit(
          fixtureBatch(
            frames,
            frames.map((_, i) => [account(`k${i % 7}`, `${i}`)]),
          ),
        );
        const more = fixtureFrames(2, { on: frames[19]?.header ?? null });
        await store.commit(fixtureBatch(more, [], { height: 7, hash: frames[2]?.header.hash ?? '' }));
        await store.rollback({ height: 24, hash: frames[19]?.header.hash ?? '' });
        await store.setCursor('one', { height: 9, hash: 'ab' });
        const before = await everything(store);
        store = await fixture.reopen(store);
        await store.open();
        assert.deepEqual(await everything(store), before);
        assert.deepEqual(store.identity(), FIXTURE_IDENTITY);
        assert.deepEqual(await store.cursor('one'), { height: 9, hash: 'ab' });
        await store.rollback({ height: 10, hash: frames[5]?.header.hash ?? '' });
        assert.deepEqual(
          await entriesOf(store),
          ['0', '1', '2', '3', '4', '5'].map((value) => [`k${value}`, value]),
        );
        await store.close();
      },
    },
  ];
}

function keptCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-06',
      title: 'An emptied durable store is empty after it was closed and opened',
      run: async () => {
        let store = await fixture.create();
        if (!store.supports.durable) return;
        await store.open();
        await store.commit(fixtureBatch(fixtureFrames(3), [[account('a', '1')]]));
        await store.rollback(null);
        store = await fixture.reopen(store);
        await store.open();
        assert.equal(store.checkpoint().head, null);
        assert.deepEqual(await entriesOf(store), []);
        await store.close();
      },
    },
    {
      id: 'ST-07',
      title: 'A cursor is kept for each consumer, also one above the head, and the last one counts',
      run: () =>
        withStore(fixture, async (store) => {
          const [frame] = fixtureFrames(1);
          assert.ok(frame);
          await store.commit(fixtureBatch([frame]));
          await store.setCursor('a', refOf(frame));
          await store.setCursor('ä/☤', { height: 99, hash: 'cc' });
          await store.setCursor('a', { height: 7, hash: 'bb' });
          assert.deepEqual(await store.cursor('a'), { height: 7, hash: 'bb' });
          assert.deepEqual(await store.cursor('ä/☤'), { height: 99, hash: 'cc' });
          assert.equal(await store.cursor(''), null);
          assert.equal(await store.cursor('aa'), null);
          await store.setCursor('', { height: 1, hash: 'dd' });
          await store.setCursor('a\0', { height: 2, hash: 'ee' });
          const found = await Promise.all(['', 'a', 'a\0', '\0'].map((name) => store.cursor(name)));
          assert.deepEqual(
            found.map((ref) => ref?.height),
            [1, 7, 2, undefined],
          );
        }),
    },
  ];
}
