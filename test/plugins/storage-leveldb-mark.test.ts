import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { fixtureBatch, fixtureFrames } from '../../src/testing/fixture-frames.js';
import { levelAt } from '../helpers/storage-disk.js';
import { tempDir } from '../helpers/temp-dir.js';

/** Blocks that may be acknowledged above the mark, and one batch. */
const MAX_BEHIND = 4_096 + 512;

test('However fast blocks come, the mark outside the log is never more than 4,096 blocks and one batch behind', async (t) => {
  const location = join(tempDir(t), 'store');
  const store = levelAt(location);
  await store.open();
  const frames = fixtureFrames(24_576, { bytes: 8 });
  for (let from = 0; from < frames.length; from += 512) {
    await store.commit(fixtureBatch(frames.slice(from, from + 512)));
    const height = markedHeight(location);
    t.true(from + 511 - height <= MAX_BEHIND, `head ${from + 511}, mark ${height}`);
  }
  await store.close();
});

/** The height that the mark names; −1 while there is none. */
function markedHeight(location: string): number {
  const path = join(location, 'acknowledged.json');
  if (!existsSync(path)) return -1;
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly height: number }).height;
}
