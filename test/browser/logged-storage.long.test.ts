import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ClassicLevel } from 'classic-level';
import { loggedStorage } from '../../src/browser/indexed-db/index.js';
import type { Records } from '../../src/browser/indexed-db/records.js';
import type { Storage } from '../../src/index.js';
import { storageCompliance } from '../../src/testing/compliance/storage.js';

/** Where each store is. */
const places = new WeakMap<Storage, string>();

/** Records on disk, as Node has no IndexedDB. */
function recordsAt(location: string): Records {
  const level = new ClassicLevel<string, Uint8Array>(location, { valueEncoding: 'view' });
  return {
    open: () => level.open(),
    all: () => level.iterator(),
    write: ({ added, changed }) =>
      level.batch(
        [...(added === undefined ? [] : [added]), ...changed].map(([key, value]) => ({
          type: 'put',
          key,
          value,
        })),
        { sync: true },
      ),
    close: () => level.close(),
  };
}

function at(location: string): Storage {
  const store = loggedStorage(recordsAt(location));
  places.set(store, location);
  return store;
}

const directories: string[] = [];
test.after.always(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

const cases = storageCompliance({
  create: () => {
    const directory = mkdtempSync(join(tmpdir(), 'blockferry-level-'));
    directories.push(directory);
    return Promise.resolve(at(directory));
  },
  reopen: async (store) => {
    await store.close();
    return at(places.get(store) ?? '');
  },
  keepsTiles: true,
});

/** Snapshots are not taken into it; and a tile that was made is made anew after a start. */
const LEFT_OUT = /^ST-(?:5[0-9]|6[0-7]|97|106|111|119)(?:\.|$)/;

for (const each of cases.filter(({ id }) => !LEFT_OUT.test(id)))
  test(`kept ${each.id}: ${each.title}`, async (t) => {
    await t.notThrowsAsync(each.run());
  });
