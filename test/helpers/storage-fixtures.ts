import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { levelStorage } from '../../plugins/storage-leveldb/index.js';
import { memoryStorage } from '../../plugins/storage-memory/index.js';
import type { Storage } from '../../src/contracts/index.js';
import type { StorageFixture } from '../../src/testing/compliance/storage.js';

const make = (location: string): Storage => levelStorage({ location }).create();

/** LevelDB stores in one folder that `clean` removes. */
export function levelFixture(): StorageFixture & { clean(): void } {
  const root = mkdtempSync(join(tmpdir(), 'blockferry-level-'));
  const locations = new WeakMap<Storage, string>();
  let count = 0;
  const at = (location: string): Storage => {
    const storage = make(location);
    locations.set(storage, location);
    return storage;
  };
  return {
    create: () => Promise.resolve(at(join(root, `${count++}`))),
    reopen: async (storage) => {
      await storage.close();
      return at(locations.get(storage) ?? '');
    },
    keepsTiles: true,
    prunes: true,
    clean: () => {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Stores in memory; there is nothing to open again. */
export const memoryFixture: StorageFixture = {
  create: () => Promise.resolve(memoryStorage().create()),
  reopen: () => Promise.reject(new Error('A store in memory is not durable.')),
  keepsTiles: true,
  prunes: true,
};
