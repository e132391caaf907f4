import { type BlockRef, PLUGIN_API_VERSION, type Storage, type StoragePlugin } from 'blockferry';

/** Registers a store around another one that tells of every block which has become durable. */
export function audited(inner: StoragePlugin, onDurable: (ref: BlockRef) => void): StoragePlugin {
  return {
    kind: 'storage',
    name: `audited-${inner.name}`,
    apiVersion: PLUGIN_API_VERSION,
    create: () => audit(inner.create(), onDurable),
  };
}

function audit(storage: Storage, onDurable: (ref: BlockRef) => void): Storage {
  const commit: Storage['commit'] = async (batch) => {
    await storage.commit(batch);
    for (const { frame } of batch.blocks) onDurable(frame.header);
  };
  return new Proxy(storage, {
    get(target, name) {
      if (name === 'commit') return commit;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
