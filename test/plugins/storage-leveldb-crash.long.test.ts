import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { entriesOf, readAll } from '../../src/testing/compliance/storage-kit.js';
import { fixtureFrames } from '../../src/testing/fixture-frames.js';
import { levelAt } from '../helpers/storage-disk.js';
import { tempDir } from '../helpers/temp-dir.js';

type Writer = ChildProcessByStdio<null, Readable, null>;

const script = fileURLToPath(new URL('../helpers/storage-writer-process.js', import.meta.url));

function startWriter(t: ExecutionContext, location: string, mode = 'append'): Writer {
  const child = spawn(process.execPath, [script, location, mode], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  return child;
}

/** Lets a writer work, kills it, and gives the lowest height that the store may end at. */
async function killed(writer: Writer, ms: number): Promise<number> {
  let acknowledged = -1;
  const lines = createInterface(writer.stdout);
  lines.on('line', (line) => {
    acknowledged = Number(line.split(' ').at(-1));
  });
  await once(lines, 'line');
  const gone = once(lines, 'close');
  await sleep(ms);
  writer.kill('SIGKILL');
  await gone;
  return acknowledged;
}

test('After each of twelve kills the store opens, whole, at or above the last acknowledged block', async (t) => {
  const location = join(tempDir(t), 'store');
  for (let round = 0; round < 12; round++) {
    const acknowledged = await killed(startWriter(t, location), 40 + 25 * round);
    const store = levelAt(location);
    await store.open();
    const height = store.checkpoint().head?.height ?? -1;
    t.true(height >= acknowledged, `round ${round}: head ${height}, acknowledged ${acknowledged}`);
    const frames = await readAll(store, { from: 0, to: Number.MAX_SAFE_INTEGER });
    t.is(frames.length, height + 1);
    const wanted = fixtureFrames(height + 1, { bytes: 20_000 });
    t.true(
      frames.every(
        (frame, at) => Buffer.compare(frame.bytes, wanted[at]?.bytes ?? frame.bytes.subarray(1)) === 0,
      ),
    );
    t.deepEqual(await entriesOf(store), height < 0 ? [] : [['last', `${height}`]]);
    await store.close();
    t.log(`round ${round}: acknowledged ${acknowledged}, head ${height}`);
  }
});

test('A store that another process has open is STORE_LOCKED, and opens once that process is gone', async (t) => {
  const location = join(tempDir(t), 'store');
  const holder = startWriter(t, location, 'hold');
  await once(createInterface(holder.stdout), 'line');
  const marker = readFileSync(join(location, 'blockferry.json'), 'utf8');
  await t.throwsAsync(levelAt(location).open(), { code: 'STORE_LOCKED' });
  t.is(readFileSync(join(location, 'blockferry.json'), 'utf8'), marker);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const store = levelAt(location);
  await store.open();
  await store.close();
});

test('A store that is open twice in one process is STORE_LOCKED, and the first goes on', async (t) => {
  const location = join(tempDir(t), 'store');
  const first = levelAt(location);
  await first.open();
  await t.throwsAsync(levelAt(location).open(), { code: 'STORE_LOCKED' });
  t.is(first.checkpoint().head, null);
  await first.close();
  const second = levelAt(location);
  await second.open();
  await second.close();
});

test('Of several starts that make one new store at one time, one gets it and the others are STORE_LOCKED', async (t) => {
  const location = join(tempDir(t), 'store');
  const stores = Array.from({ length: 5 }, () => levelAt(location));
  const results = await Promise.allSettled(stores.map((store) => store.open()));
  t.is(results.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const result of results)
    if (result.status === 'rejected') t.is((result.reason as { code?: string }).code, 'STORE_LOCKED');
  for (const store of stores) await store.close();
});
