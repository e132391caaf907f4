import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { Frame, Storage } from '../../src/contracts/index.js';
import { entriesOf, readAll } from '../../src/testing/compliance/storage-kit.js';
import { documentFrames } from '../../src/testing/fixture-frames.js';
import { documentOf } from '../../src/testing/fixture-tiles.js';
import { TileCutter } from '../../src/tiles/cut.js';
import { FragileDisk } from '../faults/disk.js';
import { lacking } from '../faults/needs.js';
import { Site } from '../faults/site.js';
import { levelAt } from '../helpers/storage-disk.js';
import { kindAt } from '../helpers/storage-tiles-blocks.js';
import { tempDir } from '../helpers/temp-dir.js';

const script = fileURLToPath(new URL('../helpers/storage-tiles-process.js', import.meta.url));

function startWriter(t: ExecutionContext, location: string): ChildProcessByStdio<null, Readable, null> {
  const child = spawn(process.execPath, [script, location], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  return child;
}

/**
 * Lets a writer work, kills it, and gives the lowest height that the store may end at.
 *
 * @param losePower - comes first. Of what is acknowledged until the end, all but the last counts.
 */
async function killed(
  writer: ChildProcessByStdio<null, Readable, null>,
  ms: number,
  losePower: (() => void) | null = null,
): Promise<number> {
  const said: { readonly height: number; readonly isBack: boolean }[] = [];
  const lines = createInterface(writer.stdout);
  lines.on('line', (line) => {
    said.push({ height: Number(line.split(' ').at(-1)), isBack: line.startsWith('back') });
  });
  await once(lines, 'line');
  const gone = once(lines, 'close');
  await sleep(ms);
  losePower?.();
  writer.kill('SIGKILL');
  await gone;
  // A rollback that was announced may have been made.
  if (losePower === null) return said.at(-1)?.height ?? -1;
  // ext4 may call the one sync good that it was in when its power went, as a program of nothing but fdatasync shows: what
  // comes after it fails, and what came before it is there. So the last commit may be gone, and a rollback after it.
  const isBack = said.at(-1)?.isBack === true;
  return Math.min(...said.slice(isBack ? -3 : -2).map(({ height }) => height));
}

async function tilesOf(store: Storage): Promise<readonly string[]> {
  const found: string[] = [];
  for (let height = 0; height <= (store.checkpoint().head?.height ?? -1); height++) {
    const tile = await store.tiles?.at(height);
    if (tile?.from === height) found.push(`${tile.from}-${tile.to}`);
  }
  return found;
}

/** Bytes of the files of a directory; 0 when it is missing. */
function bytesIn(path: string): number {
  if (!existsSync(path)) return 0;
  return readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0);
}

/** Checks that a store is whole, has what was acknowledged, and makes the tiles that are missing. */
async function checkStore(t: ExecutionContext, location: string, acknowledged: number): Promise<void> {
  const store = levelAt(location);
  await store.open();
  const height = store.checkpoint().head?.height ?? -1;
  t.true(height >= acknowledged, `head ${height}, acknowledged ${acknowledged}`);
  const wanted = documentFrames(Array.from({ length: height + 1 }, (_, at) => kindAt(at)));
  const cutter = new TileCutter(0);
  const cuts = wanted
    .flatMap(({ header, documentBytes }) => cutter.push(header.height, documentBytes))
    .map(({ from, to }) => `${from}-${to}`);
  const made = await tilesOf(store);
  t.deepEqual(made, cuts.slice(0, made.length));
  const frames = await readAll(store, { from: 0, to: Number.MAX_SAFE_INTEGER });
  t.is(frames.length, height + 1);
  t.true(frames.every((frame, at) => documentOf(frame).equals(documentOf(wanted[at] as Frame))));
  t.deepEqual(await entriesOf(store), height < 0 ? [] : [['last', `${height}`]]);
  await store.tiles?.settle(height);
  t.deepEqual(await tilesOf(store), cuts);
  await store.close();
  t.log(`acknowledged ${acknowledged}, head ${height}, tiles ${made.length} of ${cuts.length}`);
}

test('After each of five losses of power while tiles come and are made, a store is whole and its tiles are those of its blocks', async (t) => {
  const reason = lacking('ext4 loop mount');
  if (reason !== null) {
    t.log(`skipped: ${reason}`);
    t.pass();
    return;
  }
  const site = new Site();
  t.teardown(() => site.close());
  const disk = new FragileDisk(site);
  const location = join(disk.path, 'store');
  for (let round = 0; round < 5; round++) {
    const writer = startWriter(t, location);
    const acknowledged = await killed(writer, 150 + 130 * round, () => {
      disk.losePower();
    });
    await disk.unmount();
    disk.mount();
    await checkStore(t, location, acknowledged);
  }
});

test('After each of ten kills while tiles are made, a store is whole, its tiles are those of its blocks, and the rest is made', async (t) => {
  const location = join(tempDir(t), 'store');
  for (let round = 0; round < 10; round++)
    await checkStore(t, location, await killed(startWriter(t, location), 60 + 90 * round));
  // Files of frames whose blocks are in tiles, and what the kills left, are gone at the latest with the next start.
  const store = levelAt(location);
  await store.open();
  const documents = documentFrames(
    Array.from({ length: (store.checkpoint().head?.height ?? -1) + 1 }, (_, at) => kindAt(at)),
  );
  await store.close();
  const written = documents.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  const frames = bytesIn(join(location, 'db', 'frames'));
  t.log(
    `${written} bytes of frames were written, ${frames} are left; tiles: ${bytesIn(join(location, 'db', 'tiles'))}`,
  );
  t.true(frames < 24 * 1024 * 1024 + written / 10);
});
