import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { BlockRef, Frame, Storage, StorageStage } from '../../src/contracts/index.js';
import { everything, readAll } from '../../src/testing/compliance/storage-kit.js';
import {
  account,
  FIXTURE_IDENTITY,
  fixtureBatch,
  fixtureFrames,
  refOf,
} from '../../src/testing/fixture-frames.js';
import { levelAt } from '../helpers/storage-disk.js';
import { smallDisk, type SmallDisk } from '../helpers/storage-small-disk.js';

const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };

function diskTest(title: string, run: (t: ExecutionContext, disk: SmallDisk) => Promise<void>): void {
  const probe = smallDisk(1);
  probe?.remove();
  if (probe === null) {
    test.skip(`${title} (skipped: a small tmpfs can't be mounted here)`, () => undefined);
    return;
  }
  test(title, async (t) => {
    const disk = smallDisk(8);
    if (disk === null) throw new Error('The small file system could not be mounted again.');
    t.teardown(() => {
      disk.remove();
    });
    await run(t, disk);
  });
}

/** Commits until the store refuses; gives the last acknowledged height and the refusal. */
async function fill(store: Storage): Promise<{ acknowledged: number; error: unknown }> {
  let acknowledged = store.checkpoint().head?.height ?? -1;
  for (;;) {
    const frames = fixtureFrames(3, { on: store.checkpoint().head, bytes: 30_000 });
    try {
      await store.commit(fixtureBatch(frames));
    } catch (error) {
      return { acknowledged, error };
    }
    acknowledged = store.checkpoint().head?.height ?? -1;
  }
}

diskTest(
  'A full disk is STORE_FULL, nothing acknowledged is lost, and after room is made it goes on',
  async (t, disk) => {
    const ballast = join(disk.path, 'ballast');
    writeFileSync(ballast, Buffer.alloc(4.5 * 1024 * 1024));
    const store = levelAt(join(disk.path, 'store'));
    await store.open();
    const { acknowledged, error } = await fill(store);
    t.is((error as { code?: string }).code, 'STORE_FULL');
    t.true(acknowledged > 20);
    t.is(store.checkpoint().head?.height, acknowledged);
    t.is((await readAll(store, ALL)).length, acknowledged + 1);

    rmSync(ballast);
    const next = fixtureBatch(fixtureFrames(1, { on: store.checkpoint().head }));
    const first = (error as Error).message;
    const later = await t.throwsAsync(store.commit(next), { code: 'STORE_FULL', message: /opened again/ });
    t.true(later.message.endsWith(first));
    t.is(later.cause, error);
    await t.throwsAsync(store.rollback(null), { code: 'STORE_FULL', message: /opened again/ });
    await t.throwsAsync(store.setCursor('c', { height: 0, hash: 'aa' }), { code: 'STORE_FULL' });
    await store.close();

    await store.open();
    const height = store.checkpoint().head?.height ?? -1;
    t.true(height >= acknowledged);
    await store.commit(fixtureBatch(fixtureFrames(5, { on: store.checkpoint().head, bytes: 30_000 })));
    const read = await readAll(store, ALL);
    t.is(read.length, height + 6);
    await store.close();
  },
);

diskTest('A cursor that finds no room stops all writing until the store is opened again', async (t, disk) => {
  const store = levelAt(join(disk.path, 'store'));
  await store.open();
  await store.commit(fixtureBatch(fixtureFrames(20, { bytes: 30_000 })));
  await store.setCursor('consumer 0', { height: 0, hash: 'ab'.repeat(32) });
  const ballast = join(disk.path, 'ballast');
  t.throws(() => {
    writeFileSync(ballast, Buffer.alloc(16 * 1024 * 1024));
  });
  let refused: unknown = null;
  for (let i = 1; i < 2000 && refused === null; i++) {
    await store.setCursor(`consumer ${i}`, { height: i, hash: 'ab'.repeat(32) }).catch((error: unknown) => {
      refused = error;
    });
  }
  t.is((refused as { code?: string } | null)?.code, 'STORE_FULL');
  rmSync(ballast);
  const next = fixtureBatch(fixtureFrames(1, { on: store.checkpoint().head }));
  await t.throwsAsync(store.commit(next), { code: 'STORE_FULL', message: /opened again/ });
  await store.close();
  await store.open();
  await store.commit(next);
  await store.close();
  await store.open();
  t.is((await readAll(store, ALL)).length, 21);
  t.truthy(await store.cursor('consumer 0'));
  await store.close();
});

diskTest('A store that finds no room to be made in is STORE_FULL, and can be made later', async (t, disk) => {
  const ballast = join(disk.path, 'ballast');
  t.throws(() => {
    writeFileSync(ballast, Buffer.alloc(16 * 1024 * 1024));
  });
  const store = levelAt(join(disk.path, 'store'));
  await t.throwsAsync(store.open(), { code: 'STORE_FULL' });
  rmSync(ballast);
  await store.open();
  await store.commit(fixtureBatch(fixtureFrames(2)));
  await store.close();
});

/** Stages blocks until there is no room. */
async function stageAll(stage: StorageStage): Promise<void> {
  let below: BlockRef | null = null;
  for (;;) {
    const frames: readonly Frame[] = fixtureFrames(5, { on: below, branch: 'staged', bytes: 50_000 });
    await stage.putBlocks(frames);
    below = frames.at(-1)?.header ?? null;
  }
}

diskTest(
  'A disk that is full while contents are staged is STORE_FULL, and the old ones are used on',
  async (t, disk) => {
    const location = join(disk.path, 'store');
    const store = levelAt(location);
    await store.open();
    const old = fixtureFrames(20, { bytes: 30_000 });
    await store.commit(fixtureBatch(old, [[account('a', 'old')]]));
    await store.setCursor('c', { height: 4, hash: 'ab' });
    const before = await everything(store);
    const stage = await store.stage();
    await stage.putState('accounts', [{ key: 'a', value: Buffer.from('new') }]);
    await t.throwsAsync(stageAll(stage), { code: 'STORE_FULL' });
    const activation = { identity: FIXTURE_IDENTITY, head: refOf(old[0] as Frame) };
    await t.throwsAsync(stage.activate(activation), { code: 'STORE_FULL', message: /begin them again/ });
    t.deepEqual(await everything(store), before);
    await stage.close();
    t.deepEqual(readdirSync(location).sort(), ['acknowledged.json', 'blockferry.json', 'db', 'open']);
    await store.commit(fixtureBatch(fixtureFrames(3, { on: store.checkpoint().head, bytes: 30_000 })));
    t.is((await readAll(store, ALL)).length, 23);
    await store.close();
    await store.open();
    t.is((await readAll(store, ALL)).length, 23);
    t.deepEqual(await store.cursor('c'), { height: 4, hash: 'ab' });
    await store.close();
  },
);

diskTest(
  'A disk that is full when contents are activated is STORE_FULL, and the old ones are used on',
  async (t, disk) => {
    const location = join(disk.path, 'store');
    const store = levelAt(location);
    await store.open();
    await store.commit(fixtureBatch(fixtureFrames(20, { bytes: 30_000 }), [[account('a', 'old')]]));
    const before = await everything(store);
    const frames = fixtureFrames(40, { branch: 'staged', bytes: 50_000 });
    const activation = { identity: FIXTURE_IDENTITY, head: refOf(frames.at(-1) as Frame) };
    const ballast = join(disk.path, 'ballast');
    const stage = await store.stage();
    await stage.putBlocks(frames);
    t.throws(() => {
      writeFileSync(ballast, Buffer.alloc(16 * 1024 * 1024));
    });
    await t.throwsAsync(stage.activate(activation), { code: 'STORE_FULL' });
    t.deepEqual(await everything(store), before);
    await stage.close();
    rmSync(ballast);
    const again = await store.stage();
    await again.putBlocks(frames);
    await again.activate(activation);
    await store.close();
    await store.open();
    t.is((await readAll(store, ALL)).length, 40);
    t.is(readdirSync(location).filter((name) => name.startsWith('db')).length, 1);
    await store.close();
  },
);

diskTest(
  'A file system that can only be read is STORE_IO by its name, with a store and without',
  async (t, disk) => {
    const location = join(disk.path, 'store');
    const store = levelAt(location);
    await store.open();
    await store.commit(fixtureBatch(fixtureFrames(3)));
    await store.close();
    t.is(spawnSync('mount', ['-o', 'remount,ro', disk.path]).status, 0);
    for (const at of [location, join(disk.path, 'new'), join(disk.path, 'new', 'below')])
      await t.throwsAsync(levelAt(at).open(), { code: 'STORE_IO', message: /read-only file system/i });
  },
);
