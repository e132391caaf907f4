import { setTimeout as delay } from 'node:timers/promises';
import { levelStorage } from '../../plugins/storage-leveldb/index.js';
import type { BlockRef, CommitBatch, Storage, StoragePlugin } from '../../src/contracts/index.js';

/**
 * How a store is broken: `early` says that a batch is durable before it is, `deaf` says so also when the write failed.
 */
export type Breakage = 'early' | 'deaf';

const LATE_MS = 300;

/** The store on disk, broken in one way, so that a check can be seen to catch it. */
export function brokenStorage(location: string, breakage: Breakage): StoragePlugin {
  const plugin = levelStorage({ location });
  return { ...plugin, create: (...args) => broken(plugin.create(...args), breakage) };
}

function broken(storage: Storage, breakage: Breakage): Storage {
  let head: BlockRef | null = null;
  let written: Promise<unknown> = Promise.resolve();
  const commit = async (batch: CommitBatch): Promise<void> => {
    const last = batch.blocks.at(-1)?.frame.header;
    if (last !== undefined) head = { height: last.height, hash: last.hash };
    if (breakage === 'early') {
      written = written.then(() => delay(LATE_MS)).then(() => storage.commit(batch));
      return;
    }
    await storage.commit(batch).catch(() => undefined);
  };
  const checkpoint = (): ReturnType<Storage['checkpoint']> => {
    const real = storage.checkpoint();
    return head === null ? real : { ...real, head, confirmed: head };
  };
  return new Proxy(storage, {
    get(target, name) {
      if (name === 'commit') return commit;
      if (name === 'checkpoint') return checkpoint;
      if (name === 'close') return () => written.then(() => target.close());
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
