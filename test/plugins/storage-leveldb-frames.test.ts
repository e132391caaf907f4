import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Frame, Storage } from '../../src/contracts/index.js';
import { documentFrames, fixtureBatch, fixtureFrames, refOf } from '../../src/testing/fixture-frames.js';
import { levelAt } from '../helpers/storage-disk.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';

const MIB = 1024 * 1024;
const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };

async function opened(t: ExecutionContext): Promise<{ readonly store: Storage; readonly location: string }> {
  const location = join(tempDir(t), 'store');
  const store = levelAt(location);
  await store.open();
  t.teardown(() => store.close());
  return { store, location };
}

const segmentsOf = (location: string): readonly string[] =>
  readdirSync(join(location, 'db', 'frames')).sort();

/** Commits blocks of 1 MiB in batches of four, above what there is or above a block. */
async function addMebibytes(store: Storage, count: number, branch = 'main'): Promise<readonly Frame[]> {
  const frames = fixtureFrames(count, { on: store.checkpoint().head, bytes: MIB, branch });
  for (let at = 0; at < count; at += 4) await store.commit(fixtureBatch(frames.slice(at, at + 4)));
  return frames;
}

async function hashesOf(frames: AsyncIterable<readonly Frame[]>): Promise<readonly string[]> {
  const hashes: string[] = [];
  for await (const batch of frames) hashes.push(...batch.map(({ header }) => header.hash));
  return hashes;
}

test('Frames fill files of about 16 MiB, one after the other, and LevelDB stays small', async (t) => {
  const { store, location } = await opened(t);
  const frames = await addMebibytes(store, 40);
  t.deepEqual(segmentsOf(location), ['000001.seg', '000002.seg', '000003.seg']);
  t.deepEqual(
    await hashesOf(store.read(ALL)),
    frames.map(({ header }) => header.hash),
  );
  const db = join(location, 'db');
  const level = readdirSync(db)
    .map((name) => statSync(join(db, name)))
    .filter((entry) => entry.isFile())
    .reduce((sum, { size }) => sum + size, 0);
  t.true(level < MIB / 4, `${level} bytes`);
});

test('A rollback removes the files above its block, and numbers are not used twice', async (t) => {
  const { store, location } = await opened(t);
  const frames = await addMebibytes(store, 40);
  await store.rollback(refOf(frames[5] as Frame));
  await until(() => segmentsOf(location).length === 1);
  const other = await addMebibytes(store, 20, 'other');
  t.deepEqual(segmentsOf(location), ['000001.seg', '000004.seg', '000005.seg']);
  await store.close();
  await store.open();
  t.deepEqual(
    await hashesOf(store.read(ALL)),
    [...frames.slice(0, 6), ...other].map(({ header }) => header.hash),
  );
});

test('A view from before a rollback still reads the blocks that were dropped, whose files are removed when it is closed', async (t) => {
  const { store, location } = await opened(t);
  const frames = await addMebibytes(store, 40);
  const view = await store.view();
  await store.rollback(null);
  await addMebibytes(store, 20, 'other');
  t.deepEqual(
    await hashesOf(view.read(ALL)),
    frames.map(({ header }) => header.hash),
  );
  t.is(segmentsOf(location).length, 5);
  await view.close();
  await until(() => segmentsOf(location).length === 2);
  t.is((await hashesOf(store.read(ALL))).length, 20);
});

test('Frames that a rollback within a file dropped are written behind, and the next start keeps what counts', async (t) => {
  const { store, location } = await opened(t);
  const frames = await addMebibytes(store, 8);
  await store.rollback(refOf(frames[3] as Frame));
  const [other] = await addMebibytes(store, 1, 'other');
  const size = statSync(join(location, 'db', 'frames', '000001.seg')).size;
  t.true(size > 9 * MIB);
  await store.close();
  await store.open();
  await store.rollback(refOf(frames[2] as Frame));
  await store.close();
  await store.open();
  t.true(statSync(join(location, 'db', 'frames', '000001.seg')).size < 4 * MIB);
  t.deepEqual(
    await hashesOf(store.read(ALL)),
    frames.slice(0, 3).map(({ header }) => header.hash),
  );
  t.is(await store.get(4), null);
  t.truthy(other);
});

test('After an import the frames that are not in tiles are in a small file of their own', async (t) => {
  const { store, location } = await opened(t);
  const kinds = Array.from({ length: 15 }, (_, at) => ({ bytes: at < 12 ? 1.5 * MIB : 1000 }));
  const frames = documentFrames(kinds);
  await store.commit(fixtureBatch(frames));
  t.deepEqual(segmentsOf(location), ['000001.seg']);
  await store.tiles?.settle(14);
  t.is((await store.tiles?.at(11))?.to, 11);
  t.is(await store.tiles?.at(12), null);
  await until(() => segmentsOf(location).length === 1 && segmentsOf(location)[0] === '000002.seg');
  t.true(statSync(join(location, 'db', 'frames', '000002.seg')).size < 4000);
  const hashes = frames.map(({ header }) => header.hash);
  t.deepEqual(await hashesOf(store.read(ALL)), hashes);
  await store.close();
  await store.open();
  t.deepEqual(await hashesOf(store.read(ALL)), hashes);
});
