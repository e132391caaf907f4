import type { Storage } from '../../src/contracts/index.js';
import type { StorageFixture } from '../../src/testing/compliance/storage.js';

/** Stores of one database, each with a name of its own. */
export function postgresFixture(make: (name: string) => Storage): StorageFixture {
  const names = new WeakMap<Storage, string>();
  let count = 0;
  const at = (name: string): Storage => {
    const storage = make(name);
    names.set(storage, name);
    return storage;
  };
  return {
    create: () => Promise.resolve(at(`s${count++}`)),
    reopen: async (storage) => {
      await storage.close();
      return at(names.get(storage) ?? '');
    },
  };
}
