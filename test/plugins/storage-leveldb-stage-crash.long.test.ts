import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { Storage } from '../../src/contracts/index.js';
import { everything } from '../../src/testing/compliance/storage-kit.js';
import { FIXTURE_IDENTITY } from '../../src/testing/fixture-frames.js';
import { type Contents, generationOf, seenOf, stagedContents } from '../helpers/storage-contents.js';
import { copyStore, levelAt } from '../helpers/storage-disk.js';
import { smallDisk } from '../helpers/storage-small-disk.js';
import { tempDir } from '../helpers/temp-dir.js';

const script = fileURLToPath(new URL('../helpers/storage-stage-process.js', import.meta.url));
/** Blocks of the contents that are replaced again and again: 2 MB of them. */
const COUNT = 20;
const CURSOR = { height: 2, hash: 'ab' };

interface Run {
  readonly lines: readonly string[];
  readonly signal: string | null;
}

/** Runs a process that replaces contents; kills it after a time when one is given. */
async function run(
  t: ExecutionContext,
  args: readonly string[],
  killAfterMs: number | null = null,
): Promise<Run> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  const output = createInterface(child.stdout);
  output.on('line', (line) => lines.push(line));
  const closed = once(child, 'close');
  if (killAfterMs !== null) {
    await once(output, 'line');
    await sleep(killAfterMs);
    child.kill('SIGKILL');
  }
  const [, signal] = (await closed) as [unknown, string | null];
  return { lines, signal };
}

/** A folder in memory where there can be one: what a kill leaves is the same, and nothing waits for a disk. */
function quickDir(t: ExecutionContext): string {
  const disk = smallDisk(64);
  if (disk === null) return tempDir(t);
  t.teardown(() => {
    disk.remove();
  });
  return disk.path;
}

/** Puts contents in a store. */
async function fill(location: string, { frames, entries, head }: Contents): Promise<void> {
  const store = levelAt(location);
  await store.open();
  const stage = await store.stage();
  await stage.putState('accounts', entries);
  await stage.putBlocks(frames);
  await stage.activate({ identity: FIXTURE_IDENTITY, head });
  await store.setCursor('c', CURSOR);
  await store.close();
}

/** Opens a store, checks that nothing is left beside what the marker names, and hands it on. */
async function withOpened<T>(
  t: ExecutionContext,
  location: string,
  step: (store: Storage) => Promise<T>,
): Promise<T> {
  const store = levelAt(location);
  await store.open();
  t.is(readdirSync(location).filter((name) => name.startsWith('db')).length, 1);
  t.deepEqual(await store.cursor('c'), CURSOR);
  const result = await step(store);
  await store.close();
  return result;
}

/** Kills a process at each step in turn. @returns which contents the store then had: 0 the old, 1 the new. */
async function killAtEach(
  t: ExecutionContext,
  oldCount: number,
  newCount: number,
): Promise<readonly number[]> {
  const root = quickDir(t);
  const original = join(root, 'original');
  const contents = [stagedContents(0, oldCount), stagedContents(1, newCount)];
  await fill(original, contents[0] as Contents);
  const held: number[] = [];
  for (let at = 1; ; at++) {
    const location = copyStore(original, join(root, `${at}`));
    const { lines, signal } = await run(t, [location, 'once', `${newCount}`, `${at}`]);
    for (let look = 0; look < 2; look++) {
      const generation = await withOpened(t, location, async (store) => {
        const found = await generationOf(store);
        t.deepEqual(await everything(store), seenOf(contents[found] as Contents), lines.at(-1));
        return found;
      });
      if (look === 0) held.push(generation);
    }
    rmSync(location, { recursive: true });
    if (signal === null) {
      t.log(`${lines.at(-1) ?? ''}: ${held.join('')}`);
      return held;
    }
  }
}

for (const [title, oldCount, newCount] of [
  ['higher', 4, 13],
  ['lower', 12, 5],
] as const) {
  test(`A process that is killed at any step of replacing contents by ${title} ones leaves the old or the new`, async (t) => {
    const held = await killAtEach(t, oldCount, newCount);
    t.regex(held.join(''), /^0{10,}1{3,}$/, 'the old ones up to one step, the new ones from there on');
  });
}

test('A process that replaces contents again and again, killed at any moment, leaves those of one time', async (t) => {
  const location = join(quickDir(t), 'store');
  await fill(location, stagedContents(0, COUNT));
  let generation = 0;
  for (let round = 0; round < 10; round++) {
    const { lines } = await run(t, [location, 'forever', `${COUNT}`, `${generation + 1}`], 20 + 37 * round);
    const last = Number(lines.at(-1)?.split(' ').at(-1));
    const known = Math.max(generation, last);
    generation = await withOpened(t, location, async (store) => {
      const found = await generationOf(store);
      t.deepEqual(await everything(store), seenOf(stagedContents(found, COUNT)));
      return found;
    });
    t.true(
      generation === known || generation === known + 1,
      `${known} was activated, ${generation} is there`,
    );
    t.log(`round ${round}: activated ${known}, found ${generation}`);
  }
});
