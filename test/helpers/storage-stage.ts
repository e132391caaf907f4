import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Frame, Storage } from '../../src/contracts/index.js';
import { FIXTURE_IDENTITY, refOf } from '../../src/testing/fixture-frames.js';
import { levelAt } from './storage-disk.js';
import { tempDir } from './temp-dir.js';

/** Names of the directories with LevelDB files that a store has. */
export const contentsIn = (location: string): readonly string[] =>
  readdirSync(location).filter((name) => name.startsWith('db'));

/** The mark of a store. */
export const markIn = (location: string): unknown =>
  JSON.parse(readFileSync(join(location, 'acknowledged.json'), 'utf8'));

/** A new store that is open until the test ends. */
export async function openedLevel(t: ExecutionContext): Promise<{ store: Storage; location: string }> {
  const location = join(tempDir(t), 'store');
  const store = levelAt(location);
  await store.open();
  t.teardown(() => store.close());
  return { store, location };
}

/** Puts other blocks in the place of what a store holds. */
export async function replaceBlocks(store: Storage, frames: readonly Frame[]): Promise<void> {
  const stage = await store.stage();
  await stage.putBlocks(frames);
  await stage.activate({ identity: FIXTURE_IDENTITY, head: refOf(frames.at(-1) as Frame) });
}
