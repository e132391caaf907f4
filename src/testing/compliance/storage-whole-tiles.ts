import assert from 'node:assert/strict';
import type { BlockRef, CommitTile, Frame, Storage, StorageTiles } from '../../contracts/index.js';
import { account, documentFrames, type DocumentKind, fixtureBatch, refOf } from '../fixture-frames.js';
import { documentOf, tileOf } from '../fixture-tiles.js';
import type { ComplianceCase } from './case.js';
import { entriesOf, readAll, type StorageFixture } from './storage-kit.js';

const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };
const MIB = 1024 * 1024;

const small: DocumentKind = { bytes: 900 };
const large: DocumentKind = { bytes: 97_000 };
const huge: DocumentKind = { bytes: 1.5 * MIB };

/** Cut into 0–1 and 2–3 by block 3, 4–5 and 6–7 by block 7, 8–15 by the last of them, 16–17 and 18–19 by block 19. */
const kinds: readonly DocumentKind[] = [
  ...[huge, small, huge, huge],
  ...[large, huge, huge, huge],
  ...[huge, small, large, large, small, small, small, huge],
  ...[small, huge, huge, huge, huge, small],
];
const frames = documentFrames(kinds);
const changes = frames.map(({ header: { height } }) =>
  height % 3 === 0 ? [account('last', `${height}`)] : [],
);
const HEAD = frames.length - 1;
const at = (height: number): BlockRef => refOf(frames[height] as Frame);

/** Requirements of stores that keep tiles, for those that come whole. */
export function wholeTileCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    ...takingCases(fixture),
    ...refusingCases(fixture),
    ...droppingCases(fixture),
    ...replacingCases(fixture),
  ];
}

function takingCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-100',
      title: 'A tile that comes whole is kept byte for byte, also one that only a later block decides',
      run: () =>
        withTiles(fixture, async (store, tiles) => {
          const given = await fillWhole(store, ranges);
          await add(store, 16, HEAD);
          assert.deepEqual(await rangesOf(tiles), []);
          await tiles.settle(HEAD);
          await checkAll(store);
          const made = await tiles.list(ALL);
          assert.deepEqual(
            made.slice(0, ranges.length).map(({ from, to }) => [from, to]),
            ranges,
          );
          for (const [index, tile] of given.entries()) {
            const found = made[index];
            assert.ok(found !== undefined);
            assert.deepEqual(Buffer.from((await tiles.body(found)) ?? []), Buffer.from(tile.body.bytes));
            assert.equal(found.digest, tile.digest);
            assert.equal(found.bytes, tile.bytes);
          }
        }),
    },
    {
      id: 'ST-101',
      title: 'A tile that comes whole shows as one when the block that decides it is settled',
      run: () =>
        withTiles(fixture, async (store, tiles) => {
          await fillWhole(store, [
            [0, 1],
            [2, 3],
          ]);
          await tiles.settle(1);
          assert.deepEqual(await rangesOf(tiles), []);
          await tiles.settle(3);
          assert.deepEqual(await rangesOf(tiles), ['0-1', '2-3']);
          await checkAll(store);
        }),
    },
  ];
}

function refusingCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-102',
      title:
        "A tile that the store's own cut does not have is taken as blocks, and cut as in any other store",
      run: () =>
        withTiles(fixture, async (store, tiles) => {
          // One that is no interval, ones that are too small, and one that is too large.
          await fillWhole(store, [
            [0, 0],
            [1, 2],
            [3, 3],
            [4, 7],
            [8, 11],
            [12, 13],
            [14, 15],
          ]);
          await add(store, 16, HEAD);
          await tiles.settle(HEAD);
          await checkAll(store);
          assert.deepEqual(await rangesOf(tiles), await wantedRanges(fixture));
        }),
    },
    {
      id: 'ST-103',
      title: 'A tile that is not what the blocks of its batch are is a TypeError, and nothing is stored',
      run: () =>
        withTiles(fixture, async (store) => {
          const tile = tileOf(frames.slice(0, 2));
          const wrong: readonly CommitTile[] = [
            tileOf(frames.slice(2, 4)),
            { ...tile, hash: at(2).hash },
            { ...tile, previousHash: at(2).hash },
            { ...tile, documentBytes: tile.documentBytes + 1 },
            { ...tile, body: { ...tile.body, members: tile.body.members.slice(1) } },
            { ...tile, body: { ...tile.body, bytes: tile.body.bytes.subarray(1) } },
          ];
          for (const each of wrong)
            await assert.rejects(
              () => store.commit({ ...fixtureBatch(frames.slice(0, 2)), tiles: [each] }),
              TypeError,
            );
          assert.equal(store.checkpoint().head, null);
          await store.commit({ ...fixtureBatch(frames.slice(0, 2)), tiles: [tile] });
        }),
    },
  ];
}

/** What the blocks up to 15 are cut into. */
const ranges: readonly (readonly [number, number])[] = [
  [0, 1],
  [2, 3],
  [4, 5],
  [6, 7],
  [8, 15],
];

function droppingCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-104',
      title:
        'A rollback to any height leaves blocks, state and tiles as if the rest had never come, whole or not',
      run: async () => {
        for (const settled of [-1, 3, HEAD])
          for (const to of [0, 1, 2, 3, 5, 6, 9, 15, 18]) {
            let wanted: unknown = null;
            await withTiles(fixture, async (store, tiles) => {
              await add(store, 0, to);
              await tiles.settle(to);
              wanted = await seen(store, tiles);
            });
            await withTiles(fixture, async (store, tiles) => {
              await fillWhole(store, ranges, to % 2 === 0 ? 1 : 3);
              await add(store, 16, HEAD);
              await tiles.settle(settled);
              await store.rollback(at(to));
              await tiles.settle(to);
              assert.deepEqual(await seen(store, tiles), wanted, `settled ${settled}, to ${to}`);
            });
          }
      },
    },
  ];
}

function replacingCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-105',
      title:
        'A batch that replaces blocks takes tiles too, and they are cut as in a store that had no others',
      run: async () => {
        const branch = documentFrames([huge, huge, small, huge, huge, huge], { on: at(9), branch: 'other' });
        const tiles = [tileOf(branch.slice(0, 2)), tileOf(branch.slice(2, 4))];
        let wanted: unknown = null;
        await withTiles(fixture, async (store, kept) => {
          await add(store, 0, 9);
          await store.commit(fixtureBatch(branch));
          await kept.settle(15);
          wanted = await seen(store, kept);
        });
        await withTiles(fixture, async (store, kept) => {
          await fillWhole(store, ranges);
          await kept.settle(15);
          await store.commit({ ...fixtureBatch(branch), tiles, rollbackTo: at(9) });
          await kept.settle(15);
          assert.deepEqual(await seen(store, kept), wanted);
        });
      },
    },
    {
      id: 'ST-106',
      title: 'Tiles that came whole are there after a restart, decided or not',
      run: async () => {
        let store = await fixture.create();
        if (!store.supports.durable) return;
        await store.open();
        const given = await fillWhole(store, ranges.slice(0, 3));
        await (store.tiles as StorageTiles).settle(3);
        store = await fixture.reopen(store);
        await store.open();
        const tiles = store.tiles as StorageTiles;
        assert.deepEqual(await rangesOf(tiles), ['0-1', '2-3']);
        await add(store, 6, HEAD);
        await tiles.settle(HEAD);
        await checkAll(store);
        const third = await tiles.at(4);
        assert.ok(third !== null);
        assert.deepEqual(
          Buffer.from((await tiles.body(third)) ?? []),
          Buffer.from(given[2]?.body.bytes ?? []),
        );
        await store.close();
      },
    },
  ];
}

async function withTiles(
  fixture: StorageFixture,
  step: (store: Storage, tiles: StorageTiles) => Promise<void>,
): Promise<void> {
  const store = await fixture.create();
  await store.open();
  try {
    assert.ok(store.tiles !== undefined, 'The store has to have tiles.');
    await step(store, store.tiles);
  } finally {
    await store.close();
  }
}

/** Commits tiles that lie side by side. */
async function fillWhole(
  store: Storage,
  ranges: readonly (readonly [number, number])[],
  perBatch = 1,
): Promise<readonly CommitTile[]> {
  const all = ranges.map(([from, to]) => tileOf(frames.slice(from, to + 1), 'ab'.repeat(32)));
  for (let index = 0; index < all.length; index += perBatch) {
    const tiles = all.slice(index, index + perBatch);
    const [first] = tiles;
    const to = tiles.at(-1)?.to ?? 0;
    if (first === undefined) continue;
    const batch = fixtureBatch(frames.slice(first.from, to + 1), changes.slice(first.from, to + 1));
    await store.commit({ ...batch, tiles });
  }
  return all;
}

async function add(store: Storage, from: number, to: number): Promise<void> {
  await store.commit(fixtureBatch(frames.slice(from, to + 1), changes.slice(from, to + 1)));
}

/** The tiles of a store that got the same blocks one by one. */
async function wantedRanges(fixture: StorageFixture): Promise<readonly string[]> {
  let ranges: readonly string[] = [];
  await withTiles(fixture, async (store, tiles) => {
    await add(store, 0, HEAD);
    await tiles.settle(HEAD);
    ranges = await rangesOf(tiles);
  });
  return ranges;
}

async function rangesOf(tiles: StorageTiles): Promise<readonly string[]> {
  return (await tiles.list(ALL)).map(({ from, to }) => `${from}-${to}`);
}

async function checkAll(store: Storage): Promise<void> {
  const found = await readAll(store, ALL);
  const wanted = frames.slice(0, (store.checkpoint().head?.height ?? -1) + 1);
  assert.deepEqual(
    found.map(({ header }) => header),
    wanted.map(({ header }) => header),
  );
  for (const frame of wanted) {
    const { height } = frame.header;
    assert.deepEqual(await store.header(height), frame.header);
    assert.ok(documentOf((await store.get(height)) as Frame).equals(documentOf(frame)));
    assert.ok(documentOf(found[height] as Frame).equals(documentOf(frame)));
  }
}

async function seen(store: Storage, tiles: StorageTiles): Promise<object> {
  const held = await readAll(store, ALL);
  return {
    head: store.checkpoint().head,
    hashes: held.map(({ header }) => header.hash),
    documents: held.map((frame) => documentOf(frame).toString('latin1').slice(0, 120)),
    accounts: await entriesOf(store),
    tiles: await rangesOf(tiles),
  };
}
