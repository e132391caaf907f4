import { readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import type { Frame } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { documentFrames, fixtureBatch } from '../../src/testing/fixture-frames.js';
import { copyStore, flipBit, levelAt } from '../helpers/storage-disk.js';
import { kindAt } from '../helpers/storage-tiles-blocks.js';
import { tempDir } from '../helpers/temp-dir.js';

const COUNT = 40;
const frames = documentFrames(Array.from({ length: COUNT }, (_, at) => kindAt(at)));
const segmentOf = (location: string): string => join(location, 'db', 'tiles', '000001.seg');

async function tiledStore(t: ExecutionContext): Promise<string> {
  const location = join(tempDir(t), 'store');
  const store = levelAt(location);
  await store.open();
  await store.commit(fixtureBatch(frames));
  await store.tiles?.settle(COUNT - 1);
  await store.close();
  return location;
}

const documentOf = ({ codec, bytes }: Frame): Buffer =>
  Buffer.from(codec === 'gzip' ? gunzipSync(bytes) : bytes);

/** Reads each block by itself. @returns the heights of which a read failed, as it should, and that were wrong */
async function readEach(location: string): Promise<{ failed: number[]; wrong: number[] }> {
  const store = levelAt(location);
  await store.open();
  const failed: number[] = [];
  const wrong: number[] = [];
  for (const [height, wanted] of frames.entries()) {
    try {
      const frame = await store.get(height);
      if (frame === null || !documentOf(frame).equals(documentOf(wanted))) wrong.push(height);
      if ((await store.header(height))?.hash !== wanted.header.hash) wrong.push(height);
    } catch (error) {
      if (isSyncError(error, 'STORE_DAMAGED') && error.context.height !== undefined) failed.push(height);
      else wrong.push(height);
    }
  }
  await store.close();
  return { failed, wrong };
}

test('A flipped bit anywhere in a file of tiles is STORE_DAMAGED where it is read, and the other blocks are as they were', async (t) => {
  const location = await tiledStore(t);
  const { size } = statSync(segmentOf(location));
  const flips = 24;
  for (let i = 0; i < flips; i++) {
    const copy = copyStore(location, join(tempDir(t), 'store'));
    flipBit(segmentOf(copy), Math.floor(((i + 0.5) * size) / flips), i % 8);
    const { failed, wrong } = await readEach(copy);
    t.deepEqual(wrong, [], `flip ${i}`);
    t.true(failed.length > 0 && failed.length < COUNT, `flip ${i}: ${failed.length} failed`);
  }
});

test('A file of tiles that is missing or cut is STORE_DAMAGED when the store is opened', async (t) => {
  const location = await tiledStore(t);
  const cut = copyStore(location, join(tempDir(t), 'store'));
  truncateSync(segmentOf(cut), statSync(segmentOf(cut)).size - 1);
  await t.throwsAsync(levelAt(cut).open(), {
    code: 'STORE_DAMAGED',
    message: /tile of block \d+ is missing/,
  });
  const missing = copyStore(location, join(tempDir(t), 'store'));
  rmSync(segmentOf(missing));
  await t.throwsAsync(levelAt(missing).open(), {
    code: 'STORE_DAMAGED',
    message: /there is no file 000001\.seg/,
  });
});

test('A store says that it is of the later format from its first tile on', async (t) => {
  const location = join(tempDir(t), 'store');
  const store = levelAt(location);
  await store.open();
  const version = (): unknown =>
    (JSON.parse(readFileSync(join(location, 'blockferry.json'), 'utf8')) as { version: unknown }).version;
  await store.commit(fixtureBatch(frames));
  t.is(version(), 2);
  await store.tiles?.settle(COUNT - 1);
  t.is(version(), 3);
  await store.close();
  t.deepEqual(readdirSync(join(location, 'db', 'tiles')), ['000001.seg']);
});
