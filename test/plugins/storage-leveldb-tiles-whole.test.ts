import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Frame, Storage } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { readAll } from '../../src/testing/compliance/storage-kit.js';
import { documentFrames, fixtureBatch, refOf } from '../../src/testing/fixture-frames.js';
import { documentOf, tileOf } from '../../src/testing/fixture-tiles.js';
import { copyStore, flipBit, levelAt } from '../helpers/storage-disk.js';
import { tempDir } from '../helpers/temp-dir.js';

const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };
const MIB = 1024 * 1024;
const small = { bytes: 900 };

async function opened(t: ExecutionContext): Promise<{ readonly store: Storage; readonly location: string }> {
  const location = join(tempDir(t), 'store');
  const store = levelAt(location);
  await store.open();
  t.teardown(() => store.close());
  return { store, location };
}

function bytesIn(location: string, folder: string): number {
  const path = join(location, 'db', folder);
  return readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0);
}

async function checkDocuments(t: ExecutionContext, store: Storage, frames: readonly Frame[]): Promise<void> {
  const found = await readAll(store, ALL);
  t.deepEqual(
    found.map(({ header }) => header),
    frames.map(({ header }) => header),
  );
  t.true(found.every((frame, at) => documentOf(frame).equals(documentOf(frames[at] as Frame))));
}

test('Blocks that come in a whole tile are written once: no frame of them is on the disk, nor is the tile made anew', async (t) => {
  const { store, location } = await opened(t);
  const frames = documentFrames(Array.from({ length: 2100 }, () => small));
  for (const from of [0, 1024]) {
    const blocks = frames.slice(from, from + 1024);
    await store.commit({ ...fixtureBatch(blocks), tiles: [tileOf(blocks)] });
  }
  t.deepEqual(readdirSync(join(location, 'db')).includes('frames'), false);
  const size = bytesIn(location, 'tiles');
  await store.commit(fixtureBatch(frames.slice(2048)));
  await store.tiles?.settle(2099);
  t.is((await store.tiles?.list(ALL))?.length, 2);
  t.is(bytesIn(location, 'tiles'), size);
  await checkDocuments(t, store, frames);
  await store.close();
  await store.open();
  await checkDocuments(t, store, frames);
});

test('A pair of halves that fit together is made one tile, whose halves give their room back', async (t) => {
  const { store, location } = await opened(t);
  const frames = documentFrames(Array.from({ length: 1024 }, () => small));
  for (const from of [0, 512]) {
    const blocks = frames.slice(from, from + 512);
    await store.commit({ ...fixtureBatch(blocks), tiles: [tileOf(blocks)] });
  }
  t.is(readdirSync(join(location, 'db', 'tiles')).length, 1);
  await store.tiles?.settle(1023);
  t.deepEqual(
    (await store.tiles?.list(ALL))?.map(({ from, to }) => [from, to]),
    [[0, 1023]],
  );
  await checkDocuments(t, store, frames);
  await store.close();
  await store.open();
  await checkDocuments(t, store, frames);
  await store.rollback(refOf(frames[700] as Frame));
  await checkDocuments(t, store, frames.slice(0, 701));
});

test('A closed store keeps settled blocks of its tail in one piece, and they become a tile later', async (t) => {
  const { store, location } = await opened(t);
  const frames = documentFrames(Array.from({ length: 1024 }, () => ({ bytes: 2000 })));
  await store.commit(fixtureBatch(frames.slice(0, 1000)));
  await store.tiles?.settle(900);
  t.true(bytesIn(location, 'frames') > 1000 * 2000);
  await store.close();
  const size = bytesIn(location, 'frames') + bytesIn(location, 'tiles');
  t.true(size < 1000 * 2000 * 0.4, `${size} bytes`);
  await store.open();
  await checkDocuments(t, store, frames.slice(0, 1000));
  t.deepEqual(await store.tiles?.list(ALL), []);
  await store.commit(fixtureBatch(frames.slice(1000)));
  await store.tiles?.settle(1023);
  t.is((await store.tiles?.list(ALL))?.length, 1);
  await checkDocuments(t, store, frames);
});

test('A flipped bit in a tile that came whole is STORE_DAMAGED where it is read or at the start, and never a wrong block', async (t) => {
  const { store, location } = await opened(t);
  // The second one is not decided: a start reads the sizes in it.
  const frames = documentFrames(Array.from({ length: 1024 + 256 }, (_, at) => ({ bytes: 300 + (at % 50) })));
  for (const [from, to] of [
    [0, 1024],
    [1024, 1280],
  ] as const) {
    const blocks = frames.slice(from, to);
    await store.commit({ ...fixtureBatch(blocks), tiles: [tileOf(blocks)] });
  }
  await store.tiles?.settle(1023);
  await store.close();
  const segment = join('db', 'tiles', '000001.seg');
  const { size } = statSync(join(location, segment));
  let named = 0;
  for (let flip = 0; flip < 16; flip++) {
    const copy = copyStore(location, join(tempDir(t), 'store'));
    flipBit(join(copy, segment), Math.floor(((flip + 0.5) * size) / 16), flip % 8);
    const damaged = levelAt(copy);
    try {
      await damaged.open();
      for await (const batch of damaged.read(ALL))
        for (const frame of batch)
          t.true(documentOf(frame).equals(documentOf(frames[frame.header.height] as Frame)));
      t.fail(`flip ${flip} was not noticed`);
    } catch (error) {
      t.true(isSyncError(error, 'STORE_DAMAGED'), String(error));
      named += 1;
    } finally {
      await damaged.close();
    }
  }
  t.is(named, 16);
});

test('A tile that only a large block above it decides is kept as it came, and is open again after a rollback below that', async (t) => {
  const { store } = await opened(t);
  const kinds = Array.from({ length: 8 }, (_, at) => ({ bytes: at < 4 ? MIB : 1.5 * MIB }));
  const frames = documentFrames(kinds.map(({ bytes }) => ({ bytes: bytes - 1000 })));
  const first = frames.slice(0, 4);
  const tile = tileOf(first);
  await store.commit({ ...fixtureBatch(first), tiles: [tile] });
  await store.tiles?.settle(3);
  t.deepEqual(await store.tiles?.list(ALL), []);
  await store.commit(fixtureBatch(frames.slice(4)));
  await store.tiles?.settle(7);
  const [made] = (await store.tiles?.list(ALL)) ?? [];
  t.like(made, { from: 0, to: 3, bytes: tile.bytes });
  await store.rollback(refOf(frames[3] as Frame));
  t.deepEqual(await store.tiles?.list(ALL), []);
  await checkDocuments(t, store, first);
});
