import assert from 'node:assert/strict';
import type { BlockRef, Frame, StateChange, Storage } from '../../contracts/index.js';
import { account, documentFrames, fixtureBatch, refOf } from '../fixture-frames.js';
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

const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };
const BASE = 1024;
const HEAD = 1400;
/** Blocks up to here are confirmed. */
const CONFIRMED = 1300;

const frames = documentFrames(Array.from({ length: HEAD + 1 }, () => ({ bytes: 120 })));
const at = (height: number): BlockRef => refOf(frames[height] as Frame);
const changesOf = (height: number): readonly StateChange[] =>
  height % 100 === 0
    ? [account('last', `${height}`), { ...account(`k${height}`, 'x'), table: 'produced' }]
    : [];

/** Requirements of stores that can drop old blocks. */
export function pruneCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    ...droppingCases(fixture),
    ...refusalCases(fixture),
    ...afterwardsCases(fixture),
    ...tileCases(fixture),
  ];
}

async function prune(store: Storage, to: BlockRef): Promise<void> {
  assert.ok(store.prune !== undefined, 'The storage has no `prune`.');
  await store.prune(to);
}

/** A store whose batches end in the middle of what is dropped, as they do. */
async function fill(store: Storage, upTo = HEAD): Promise<void> {
  const sizes = [1, 300, 1100, frames.length];
  for (let from = 0; from <= upTo;) {
    const end = Math.min(from + (sizes.shift() ?? 1), upTo + 1);
    const heights = Array.from({ length: end - from }, (_, index) => from + index);
    await store.commit(fixtureBatch(frames.slice(from, end), heights.map(changesOf)));
    from = end;
  }
  await store.advance({ confirmed: at(Math.min(CONFIRMED, upTo)), finalized: null });
}

async function assertPruned(store: Storage, upTo = HEAD): Promise<void> {
  const { base, head, confirmed, finalized } = store.checkpoint();
  assert.equal(base, BASE);
  assert.deepEqual([head, confirmed, finalized].map(plainRef), [at(upTo), at(CONFIRMED), at(BASE)]);
  for (const height of [0, 1, 300, 1023]) {
    assert.equal(await store.header(height), null, `header of block ${height}`);
    assert.equal(await store.get(height), null, `block ${height}`);
  }
  assert.deepEqual(
    await headersOf(store),
    frames.slice(BASE, upTo + 1).map(({ header }) => header),
  );
  assert.deepEqual(await store.header(BASE), frames[BASE]?.header);
  assert.equal((await store.get(BASE))?.header.hash, at(BASE).hash);
}

async function headersOf(source: Parameters<typeof readAll>[0]): Promise<readonly object[]> {
  return (await readAll(source, ALL)).map(({ header }) => header);
}

const plainRef = (ref: BlockRef | null): object | null => (ref === null ? null : { ...ref });

function droppingCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-130',
      title:
        'Pruning drops the blocks below one, which is the base and final; all else stays, also when it is opened again',
      run: () =>
        withStore(fixture, async (store) => {
          await fill(store);
          await store.setCursor('c', at(7));
          const before = [store.identity(), await entriesOf(store), await entriesOf(store, 'produced')];
          await prune(store, at(BASE));
          const check = async (now: Storage): Promise<void> => {
            await assertPruned(now);
            assert.deepEqual(
              [now.identity(), await entriesOf(now), await entriesOf(now, 'produced')],
              before,
            );
            assert.deepEqual(await now.cursor('c'), at(7));
          };
          await check(store);
          if (!store.supports.durable) return;
          const again = await fixture.reopen(store);
          await again.open();
          await check(again);
          await again.close();
        }),
    },
    {
      id: 'ST-131',
      title: 'A view, and a read that has begun, keep the blocks that are pruned meanwhile',
      run: () =>
        withStore(fixture, async (store) => {
          await fill(store);
          const view = await store.view();
          const reading = store.read(ALL)[Symbol.asyncIterator]();
          const read: Frame[] = [];
          for (let next = await reading.next(); next.done !== true; next = await reading.next()) {
            if (read.length === 0) await prune(store, at(BASE));
            read.push(...next.value);
          }
          const wanted = frames.map(({ header }) => header);
          assert.deepEqual(
            read.map(({ header }) => header),
            wanted,
          );
          assert.deepEqual(await headersOf(view), wanted);
          await view.close();
          await assertPruned(store);
        }),
    },
  ];
}

function refusalCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-132',
      title:
        'Pruning to a block that is not held, not confirmed, or not at a multiple of 1,024 changes nothing',
      run: () =>
        withStore(fixture, async (store) => {
          await fill(store, 1100);
          await store.commit(fixtureBatch(frames.slice(1101)));
          await changesNothing(store, async () => {
            await rejects(() => prune(store, { height: BASE, hash: at(BASE + 1).hash }), 'STORE_GAP');
            await rejects(() => prune(store, { height: 2048, hash: at(BASE).hash }), 'STORE_GAP');
            for (const height of [1, 1023, 1025])
              await assert.rejects(() => prune(store, at(height)), TypeError);
          });
        }),
    },
    {
      id: 'ST-133',
      title: 'Pruning to a block above the confirmed one changes nothing',
      run: () =>
        withStore(fixture, async (store) => {
          await store.commit(fixtureBatch(frames));
          await changesNothing(store, () => assert.rejects(() => prune(store, at(BASE)), TypeError));
        }),
    },
    {
      id: 'ST-134',
      title: 'Pruning to a block that is not above the base changes nothing, and a closed store refuses',
      run: async () => {
        const store = await fixture.create();
        await store.open();
        await fill(store);
        await prune(store, at(BASE));
        await changesNothing(store, async () => {
          await prune(store, at(BASE));
          await prune(store, at(0));
        });
        await store.close();
        await rejects(() => prune(store, at(BASE)), 'STORE_CLOSED');
      },
    },
  ];
}

function afterwardsCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-135',
      title: 'Above the new base blocks come and go as before, and nothing goes back below it',
      run: () =>
        withStore(fixture, async (store) => {
          await fill(store);
          await prune(store, at(BASE));
          await changesNothing(store, async () => {
            await rejects(() => store.rollback(at(BASE - 1)), 'BELOW_FINALIZED');
            await rejects(() => store.rollback(null), 'BELOW_FINALIZED');
          });
          const before = await everything(store);
          const dropped = await store.rollback(at(1150));
          assert.equal(dropped.length, HEAD - 1150);
          assert.deepEqual(await entriesOf(store), [['last', '1100']]);
          const heights = frames.slice(1151).map(({ header }) => header.height);
          await store.commit(fixtureBatch(frames.slice(1151), heights.map(changesOf)));
          await store.advance({ confirmed: at(CONFIRMED), finalized: null });
          assert.deepEqual(await everything(store), before);
        }),
    },
  ];
}

/** Only where tiles are kept. */
function tileCases(fixture: StorageFixture): readonly ComplianceCase[] {
  if (fixture.keepsTiles !== true) return [];
  return [
    {
      id: 'ST-136',
      title: 'Tiles below the new base go, and those above are the ones of a store that has all blocks',
      run: () =>
        withStore(fixture, async (store) => {
          const { tiles } = store;
          assert.ok(tiles !== undefined);
          const more = documentFrames(
            Array.from({ length: 3000 - HEAD }, () => ({ bytes: 120 })),
            { on: at(HEAD) },
          );
          await fill(store);
          // One that is being made goes, too.
          const settling = tiles.settle(CONFIRMED);
          await prune(store, at(BASE));
          await settling;
          assert.equal(await tiles.at(BASE - 1), null);
          await store.commit(fixtureBatch(more, [], refOf(more.at(-1) as Frame)));
          await tiles.settle(3000);
          const [only, ...rest] = await tiles.list(ALL);
          assert.deepEqual([only?.from, only?.to, rest], [1024, 2047, []]);
          assert.deepEqual(
            await headersOf(store),
            [...frames.slice(BASE), ...more].map(({ header }) => header),
          );
          await prune(store, refOf(more[2048 - HEAD - 1] as Frame));
          assert.deepEqual(await tiles.list(ALL), []);
          assert.equal((await headersOf(store)).length, 3000 - 2048 + 1);
        }),
    },
    {
      id: 'ST-137',
      title: 'Blocks that are pruned while a tile of those above is made do not come back with it',
      run: () =>
        withStore(fixture, async (store) => {
          const { tiles } = store;
          assert.ok(tiles !== undefined);
          const kinds = Array.from({ length: 1700 }, () => ({ bytes: 120 }));
          const later = documentFrames(kinds, { from: 1500 });
          const atHeight = (height: number): BlockRef => refOf(later[height - 1500] as Frame);
          await store.commit(fixtureBatch(later));
          await store.advance({ confirmed: atHeight(3150), finalized: null });
          const settling = tiles.settle(3150);
          await prune(store, atHeight(2048));
          await settling;
          await prune(store, atHeight(3072));
          const wanted = later.slice(3072 - 1500).map(({ header }) => header);
          assert.deepEqual(await headersOf(store), wanted);
          if (!store.supports.durable) return;
          const again = await fixture.reopen(store);
          await again.open();
          assert.deepEqual(await headersOf(again), wanted);
          await again.close();
        }),
    },
  ];
}
