import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import type { BlockRef, Frame, Storage, StorageTiles, StorageView, Tile } from '../../contracts/index.js';
import { account, documentFrames, type DocumentKind, fixtureBatch, refOf } from '../fixture-frames.js';
import type { ComplianceCase } from './case.js';
import { entriesOf, readAll, rejects, type StorageFixture, withStore } from './storage-kit.js';
import { wholeTileCases } from './storage-whole-tiles.js';

const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };
const MIB = 1024 * 1024;

const small: DocumentKind = { bytes: 900 };
const packed: DocumentKind = { bytes: 3000, isGzip: true };
const large: DocumentKind = { bytes: 97_000, isGzip: true };
const huge: DocumentKind = { bytes: 1.5 * MIB };

/** Cut into 0–1, 2–3, 4–7 and 8–15 by the last of them, 16–17 and 18–19; 20–22 are undecided. */
const kinds: readonly DocumentKind[] = [
  ...[huge, small, huge, huge],
  ...[large, packed, small, huge],
  ...[small, packed, large, large, small, small, packed, small],
  ...[huge, huge, huge, huge],
  ...[small, large, packed],
];
const frames = documentFrames(kinds);
const changes = frames.map(({ header: { height } }) =>
  height % 3 === 0 ? [account('last', `${height}`), account(`k${height}`, 'x')] : [],
);
const HEAD = frames.length - 1;
const at = (height: number): BlockRef => refOf(frames[height] as Frame);

/** Requirements of stores that keep tiles. */
export function tileCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    ...makingCases(fixture),
    ...readingCases(fixture),
    ...rollbackCases(fixture),
    ...refusalCases(fixture),
    ...lastingCases(fixture),
    ...digestCases(fixture),
    ...wholeTileCases(fixture),
  ];
}

function digestCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-99',
      title: 'A tile has the SHA-256 of its documents where that was asked for, and only there',
      run: () =>
        withTiles(fixture, async (store, tiles) => {
          await fill(store, [23]);
          await tiles.settle(7);
          await tiles.settle(HEAD, { isDigested: true });
          for (const tile of await tilesOf(tiles)) {
            const documents = gunzipSync((await tiles.body(tile)) as Uint8Array);
            const digest = createHash('sha256').update(documents).digest('hex');
            assert.equal(tile.digest, tile.to <= 7 ? null : digest);
          }
        }),
    },
  ];
}

function makingCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-90',
      title: 'Settled blocks become tiles, and every read gives what it gave before',
      run: () =>
        withTiles(fixture, async (store, tiles) => {
          await fill(store, [5, 1, 17]);
          assert.equal(await tiles.at(0), null);
          const before = await documentsOf(store);
          await tiles.settle(HEAD);
          assert.deepEqual(await rangesOf(tiles), ['0-1', '2-3', '4-7', '8-15', '16-17', '18-19']);
          assert.deepEqual(await documentsOf(store), before);
          for (const { header } of frames) {
            assert.deepEqual(await store.header(header.height), header);
            const frame = await store.get(header.height);
            assert.deepEqual(documentOf(frame as Frame), documentOf(frames[header.height] as Frame));
          }
          const part = await readAll(store, { from: 5, to: 17 });
          assert.deepEqual(
            part.map(({ header }) => header),
            frames.slice(5, 18).map(({ header }) => header),
          );
        }),
    },
    {
      id: 'ST-92',
      title: 'No tile is made of blocks that are not settled, nor while what decided it is not',
      run: () =>
        withTiles(fixture, async (store, tiles) => {
          await fill(store, [4, 19]);
          await tiles.settle(1);
          assert.deepEqual(await rangesOf(tiles), []);
          await tiles.settle(3);
          assert.deepEqual(await rangesOf(tiles), ['0-1', '2-3']);
          await tiles.settle(2);
          assert.deepEqual(await rangesOf(tiles), ['0-1', '2-3']);
        }),
    },
  ];
}

function readingCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-91',
      title: "A tile's body is the documents as NDJSON, and a large block's gzip frame stays byte for byte",
      run: () =>
        withTiles(fixture, async (store, tiles) => {
          await fill(store, [23]);
          await tiles.settle(HEAD);
          for (const tile of await tilesOf(tiles)) {
            const body = await tiles.body(tile);
            const blocks = frames.slice(tile.from, tile.to + 1);
            const wanted = blocks.map((frame) => `${documentOf(frame)}\n`).join('');
            assert.equal(body?.byteLength, tile.bytes);
            assert.equal(gunzipSync(body).toString(), wanted);
            assert.equal(tile.documentBytes, Buffer.byteLength(wanted));
            assert.equal(tile.hash, at(tile.to).hash);
            assert.equal(tile.previousHash, blocks[0]?.header.previousHash);
          }
          const frame = await store.get(10);
          assert.equal(Buffer.compare(frame?.bytes ?? new Uint8Array(), (frames[10] as Frame).bytes), 0);
        }),
    },
    {
      id: 'ST-93',
      title: 'A view from before the tiles were made reads on, and so does a read under way',
      run: () =>
        withTiles(fixture, async (store, tiles) => {
          await fill(store, [23]);
          const before = await documentsOf(store);
          const view = await store.view();
          const reading = store.read(ALL)[Symbol.asyncIterator]();
          const first = await reading.next();
          await tiles.settle(HEAD);
          const found: Frame[] = first.done === true ? [] : [...first.value];
          for (let next = await reading.next(); next.done !== true; next = await reading.next())
            found.push(...next.value);
          assert.deepEqual(found.map(documentOf), before);
          assert.deepEqual(await documentsOf(view), before);
          await view.close();
        }),
    },
  ];
}

function rollbackCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-94',
      title: 'A rollback to any height leaves blocks, state and tiles as if the rest had never been',
      run: async () => {
        for (const to of [0, 1, 3, 5, 9, 16, 18, 21]) {
          let wanted: unknown = null;
          await withTiles(fixture, async (store, tiles) => {
            await fill(store, [to + 1]);
            await tiles.settle(to);
            wanted = await seen(store, tiles);
          });
          await withTiles(fixture, async (store, tiles) => {
            await fill(store, [7, 16]);
            await tiles.settle(HEAD);
            const dropped = await store.rollback(at(to));
            assert.deepEqual(
              dropped.map(({ height }) => height),
              frames
                .slice(to + 1)
                .map(({ header }) => header.height)
                .reverse(),
            );
            assert.deepEqual(await seen(store, tiles), wanted, `to ${to}`);
          });
        }
      },
    },
    {
      id: 'ST-95',
      title: 'After a rollback into a tile another branch is cut as in a store that has had no other',
      run: async () => {
        for (const to of [0, 2, 9, 16]) {
          const branch = documentFrames([huge, small, huge, large, huge], { on: at(to), branch: 'other' });
          let wanted: unknown = null;
          await withTiles(fixture, async (store, tiles) => {
            await fill(store, [to + 1]);
            await store.commit(fixtureBatch(branch));
            await tiles.settle(to + branch.length);
            wanted = await seen(store, tiles);
          });
          await withTiles(fixture, async (store, tiles) => {
            await fill(store, [23]);
            await tiles.settle(HEAD);
            await store.commit({ ...fixtureBatch(branch), rollbackTo: at(to) });
            await tiles.settle(to + branch.length);
            assert.deepEqual(await seen(store, tiles), wanted, `to ${to}`);
          });
        }
      },
    },
  ];
}

function refusalCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-96',
      title: 'A rollback into a tile that has a final block is BELOW_FINALIZED, and the tile stays',
      run: () =>
        withTiles(fixture, async (store, tiles) => {
          await fill(store, [23]);
          await store.advance({ confirmed: at(10), finalized: at(10) });
          await tiles.settle(HEAD);
          const before = await seen(store, tiles);
          await rejects(() => store.rollback(at(9)), 'BELOW_FINALIZED');
          assert.deepEqual(await seen(store, tiles), before);
          await store.rollback(at(10));
          assert.equal(store.checkpoint().head?.height, 10);
        }),
    },
  ];
}

function lastingCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-97',
      title: 'Tiles are there after a restart, more are made, and a rollback into one still undoes the state',
      run: async () => {
        let store = await fixture.create();
        if (!store.supports.durable) return;
        await store.open();
        await fill(store, [12]);
        await (store.tiles as StorageTiles).settle(11);
        store = await fixture.reopen(store);
        await store.open();
        const tiles = store.tiles as StorageTiles;
        assert.deepEqual(await rangesOf(tiles), ['0-1', '2-3', '4-7']);
        await fill(store, [11], 12);
        await tiles.settle(HEAD);
        assert.equal((await tilesOf(tiles)).length, 6);
        await store.rollback(at(4));
        assert.equal(Buffer.from((await store.getState('accounts', 'last')) ?? []).toString(), '3');
        assert.equal(await store.getState('accounts', 'k6'), null);
        await store.close();
      },
    },
    {
      id: 'ST-98',
      title: 'A base inside an interval keeps the blocks up to the next multiple of 1,024 as single blocks',
      run: () =>
        withTiles(fixture, async (store, tiles) => {
          const held = documentFrames(
            Array.from({ length: 8 }, () => huge),
            { from: 1022 },
          );
          await store.commit(fixtureBatch(held));
          await tiles.settle(1029);
          assert.deepEqual(await rangesOf(tiles, 1022), ['1024-1025', '1026-1027']);
          assert.deepEqual(await documentsOf(store), held.map(documentOf));
        }),
    },
    {
      id: 'ST-119',
      title: 'A tile of contents that others replace while it is made is not in the new ones',
      run: () =>
        withTiles(fixture, async (store, tiles) => {
          await fill(store, [23]);
          const fresh = documentFrames(kinds, { branch: 'fresh' });
          const stage = await store.stage();
          await stage.putBlocks(fresh);
          const made = tiles.settle(HEAD);
          const identity = { chain: 'made-up', chainId: 'staged' };
          await stage.activate({ identity, head: refOf(fresh[HEAD] as Frame) });
          await made;
          assert.deepEqual((await readAll(store, ALL)).map(refOf), fresh.map(refOf));
          await tiles.settle(HEAD);
          assert.deepEqual(await rangesOf(tiles), ['0-1', '2-3', '4-7', '8-15', '16-17', '18-19']);
          assert.deepEqual((await readAll(store, ALL)).map(refOf), fresh.map(refOf));
        }),
    },
  ];
}

async function withTiles(
  fixture: StorageFixture,
  step: (store: Storage, tiles: StorageTiles) => Promise<void>,
): Promise<void> {
  await withStore(fixture, async (store) => {
    assert.ok(store.tiles !== undefined, 'The store has to have tiles.');
    await step(store, store.tiles);
  });
}

async function fill(store: Storage, sizes: readonly number[], first = 0): Promise<void> {
  let from = first;
  for (const size of sizes) {
    await store.commit(fixtureBatch(frames.slice(from, from + size), changes.slice(from, from + size)));
    from += size;
  }
}

async function seen(store: Storage, tiles: StorageTiles): Promise<object> {
  return {
    checkpoint: store.checkpoint().head,
    documents: await documentsOf(store),
    accounts: await entriesOf(store),
    tiles: await rangesOf(tiles),
  };
}

async function documentsOf(source: Storage | StorageView): Promise<readonly string[]> {
  return (await readAll(source, ALL)).map(documentOf);
}

function documentOf({ codec, bytes }: Frame): string {
  return Buffer.from(codec === 'gzip' ? gunzipSync(bytes) : bytes).toString();
}

async function tilesOf(tiles: StorageTiles, from = 0): Promise<readonly Tile[]> {
  const found: Tile[] = [];
  for (let height = from; height <= from + HEAD;) {
    const tile = await tiles.at(height);
    if (tile !== null) found.push(tile);
    height = (tile?.to ?? height) + 1;
  }
  return found;
}

async function rangesOf(tiles: StorageTiles, from = 0): Promise<readonly string[]> {
  return (await tilesOf(tiles, from)).map((tile) => `${tile.from}-${tile.to}`);
}
