import {
  type BlockRef,
  PLUGIN_API_VERSION,
  type Storage,
  type StoragePlugin,
  type StorageStage,
} from 'blockferry';

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
  return withMembers(storage, {
    commit: async (batch) => {
      await storage.commit(batch);
      for (const { frame } of batch.blocks) onDurable(frame.header);
    },
    stage: async () => auditStage(await storage.stage(), onDurable),
  });
}

/** Blocks that are staged become durable all at once, when the stage is activated. */
function auditStage(stage: StorageStage, onDurable: (ref: BlockRef) => void): StorageStage {
  const staged: BlockRef[] = [];
  return withMembers(stage, {
    putBlocks: async (frames) => {
      await stage.putBlocks(frames);
      for (const { header } of frames) staged.push({ height: header.height, hash: header.hash });
    },
    activate: async (activation) => {
      await stage.activate(activation);
      staged.forEach(onDurable);
    },
  });
}

/** The same object, but for some of its members. */
function withMembers<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get(_target, name) {
      const member: unknown = Reflect.get(name in members ? members : target, name, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
