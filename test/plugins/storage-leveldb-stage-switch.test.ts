import { readdirSync, readFileSync, statSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import test from 'ava';
import { Reader } from '../../plugins/storage-leveldb/reader.js';
import type { Frame } from '../../src/contracts/index.js';
import { readAll } from '../../src/testing/compliance/storage-kit.js';
import {
  account,
  FIXTURE_IDENTITY,
  fixtureBatch,
  fixtureFrames,
  refOf,
} from '../../src/testing/fixture-frames.js';
import { levelAt } from '../helpers/storage-disk.js';
import { contentsIn, markIn, openedLevel, replaceBlocks } from '../helpers/storage-stage.js';

const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };

/** Puts other functions of the file system in place for a step. The tests run one after the other because of this. */
async function withDisk<T>(replaced: Partial<typeof fs>, step: () => Promise<T>): Promise<T> {
  const { open, rename } = fs;
  Object.assign(fs, replaced);
  syncBuiltinESMExports();
  try {
    return await step();
  } finally {
    Object.assign(fs, { open, rename });
    syncBuiltinESMExports();
  }
}

/** Has something else happen when a LevelDB is opened. */
async function withLevelOpen(
  instead: (open: () => Promise<void>) => Promise<void>,
  step: () => Promise<void>,
): Promise<void> {
  const prototype = ClassicLevel.prototype as unknown as {
    _open: (this: object, options: object) => Promise<void>;
  };
  const { _open: open } = prototype;
  prototype._open = function (options) {
    return instead(() => open.call(this, options));
  };
  try {
    await step();
  } finally {
    prototype._open = open;
  }
}

/** Contents and size of what a sync makes durable. */
function stampOf(path: string): string {
  const stat = statSync(path);
  return stat.isDirectory() ? readdirSync(path).sort().join(' ') : `${stat.size} ${stat.mtimeMs}`;
}

const isMarker = (path: unknown): boolean => String(path).endsWith('blockferry.json');

const fresh = fixtureFrames(4, { branch: 'new' });
const activation = { identity: FIXTURE_IDENTITY, head: refOf(fresh[3] as Frame) };

test.serial('Everything of the new contents is synced before the marker names them', async (t) => {
  const { store, location } = await openedLevel(t);
  await store.commit(fixtureBatch(fixtureFrames(3)));
  await store.setCursor('c', { height: 1, hash: 'ab' });
  const { open, rename } = fs;
  const synced = new Map<string, string>();
  const unsynced: string[][] = [];
  const disk: Partial<typeof fs> = {
    open: async (...args) => {
      const file = await open(...args);
      const path = String(args[0]);
      const sync = file.sync.bind(file);
      file.sync = async () => {
        await sync();
        synced.set(path, stampOf(path));
        // The name of the directory has to be made durable after what is in it.
        if (contentsIn(location).includes(basename(path))) synced.delete(location);
      };
      return file;
    },
    rename: async (from, to) => {
      if (isMarker(to)) {
        const { db } = JSON.parse(readFileSync(String(from), 'utf8')) as { db: string };
        const path = join(location, db);
        const files = readdirSync(path).filter((name) => !name.startsWith('LO'));
        const needed = [String(from), path, ...files.map((name) => join(path, name))];
        unsynced.push(needed.filter((each) => synced.get(each) !== stampOf(each)));
        t.regex(synced.get(location) ?? '', new RegExp(db), 'the name of the directory');
        synced.delete(location);
      }
      await rename(from, to);
    },
  };
  await withDisk(disk, () => replaceBlocks(store, fixtureFrames(30, { branch: 'new', bytes: 400_000 })));
  t.deepEqual(unsynced, [[]]);
  t.true(synced.has(location), 'the new name of the marker');
});

test.serial(
  'A marker that can not be replaced leaves the old contents, and the stage can be activated later',
  async (t) => {
    const { store, location } = await openedLevel(t);
    await store.commit(fixtureBatch(fixtureFrames(9), [[account('a', 'old')]]));
    const stage = await store.stage();
    await stage.putBlocks(fresh);
    const { rename } = fs;
    const noRoom = Object.assign(new Error('no room'), { code: 'ENOSPC' });
    const disk: Partial<typeof fs> = {
      rename: (from, to) => (isMarker(to) ? Promise.reject(noRoom) : rename(from, to)),
    };
    await withDisk(disk, async () => {
      await t.throwsAsync(stage.activate(activation), { code: 'STORE_FULL' });
    });
    t.is(store.checkpoint().head?.height, 8);
    await store.commit(fixtureBatch(fixtureFrames(1, { on: store.checkpoint().head })));
    await stage.activate(activation);
    t.is((await readAll(store, ALL)).length, 4);
    await store.close();
    t.deepEqual(markIn(location), { height: 3 });
  },
);

test.serial('A mark that was lowered for nothing is raised again', async (t) => {
  const { store, location } = await openedLevel(t);
  await store.commit(fixtureBatch(fixtureFrames(9)));
  const stage = await store.stage();
  await stage.putBlocks(fresh);
  const { rename } = fs;
  const disk: Partial<typeof fs> = {
    rename: (from, to) => (isMarker(to) ? Promise.reject(new Error('not now')) : rename(from, to)),
  };
  await withDisk(disk, async () => {
    await t.throwsAsync(stage.activate(activation), { code: 'STORE_IO' });
  });
  t.deepEqual(markIn(location), { height: 3 });
  await store.close();
  t.deepEqual(markIn(location), { height: 8 });
});

test.serial(
  'A marker of which nobody knows whether it is durable stops all writing, and both contents are kept',
  async (t) => {
    const { store, location } = await openedLevel(t);
    await store.commit(fixtureBatch(fixtureFrames(9)));
    const stage = await store.stage();
    await stage.putBlocks(fresh);
    const { rename } = fs;
    const disk: Partial<typeof fs> = {
      rename: async (from, to) => {
        await rename(from, to);
        if (isMarker(to)) throw Object.assign(new Error('bad disk'), { code: 'EIO' });
      },
    };
    await withDisk(disk, async () => {
      await t.throwsAsync(stage.activate(activation), { code: 'STORE_IO' });
    });
    const next = fixtureBatch(fixtureFrames(1, { on: store.checkpoint().head }));
    await t.throwsAsync(store.commit(next), { code: 'STORE_IO', message: /opened again/ });
    t.is((await readAll(store, ALL)).length, 9);
    await stage.close();
    t.is(contentsIn(location).length, 2);
    await store.close();
    await store.open();
    t.is((await readAll(store, ALL)).length, 4);
    t.is(contentsIn(location).length, 1);
  },
);

test.serial(
  'A start that read the marker before the switch is STORE_LOCKED, and removes nothing',
  async (t) => {
    const { store, location } = await openedLevel(t);
    await store.commit(fixtureBatch(fixtureFrames(3)));
    const late = levelAt(location);
    let isFirst = true;
    const switchFirst = async (open: () => Promise<void>): Promise<void> => {
      if (isFirst) {
        isFirst = false;
        await replaceBlocks(store, fixtureFrames(5, { branch: 'new' }));
      }
      await open();
    };
    await withLevelOpen(switchFirst, async () => {
      await t.throwsAsync(late.open(), { code: 'STORE_LOCKED' });
    });
    t.false(isFirst);
    t.is((await readAll(store, ALL)).length, 5);
    await store.close();
    await late.open();
    t.is((await readAll(late, ALL)).length, 5);
    await late.close();
  },
);

test.serial('A stage that can not be made leaves the store as it is', async (t) => {
  const { store, location } = await openedLevel(t);
  await withLevelOpen(
    () => Promise.reject(new Error('not now')),
    async () => {
      await t.throwsAsync(store.stage(), { code: 'STORE_IO' });
    },
  );
  t.deepEqual(contentsIn(location), ['db']);
  await replaceBlocks(store, fresh);
  t.is(store.checkpoint().head?.height, 3);
});

test.serial('A read of a few steps that meets the switch in the middle is made again', async (t) => {
  const { store } = await openedLevel(t);
  await store.commit(fixtureBatch(fixtureFrames(3)));
  const stage = await store.stage();
  await stage.putState('accounts', [{ key: 'a', value: Buffer.from('new') }]);
  await stage.putBlocks(fresh);
  const prototype = Reader.prototype;
  const value = Reflect.get<Reader, 'value'>(prototype, 'value');
  let isFirst = true;
  prototype.value = async function (this: Reader, ...args) {
    const found = await value.apply(this, args);
    if (isFirst) {
      isFirst = false;
      await stage.activate(activation);
      return value.apply(this, args);
    }
    return found;
  };
  try {
    t.is(Buffer.from((await store.getState('accounts', 'a')) ?? []).toString(), 'new');
  } finally {
    prototype.value = value;
  }
});
