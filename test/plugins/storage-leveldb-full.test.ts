import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Storage } from '../../src/contracts/index.js';
import { readAll } from '../../src/testing/compliance/storage-kit.js';
import { fixtureBatch, fixtureFrames } from '../../src/testing/fixture-frames.js';
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
    await t.throwsAsync(store.commit(next), { code: 'STORE_FULL', message: /opened again/ });
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
  const ballast = join(disk.path, 'ballast');
  t.throws(() => {
    writeFileSync(ballast, Buffer.alloc(16 * 1024 * 1024));
  });
  let refused: unknown = null;
  for (let i = 0; i < 2000 && refused === null; i++) {
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
