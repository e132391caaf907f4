import {
  type Checkpoint,
  NOTHING_STAGED,
  planActivation,
  planCommit,
  planRollback,
  planStaged,
  PLUGIN_API_VERSION,
  type Storage,
  type StoragePlugin,
  type StorageStage,
} from 'blockferry';

/** Is told of every write: what it will make of the store, and, once that is durable, that it did. */
export interface AuditTrail {
  begins(next: Checkpoint): void;
  ended(now: Checkpoint): void;
}

/** Registers a store around another one that keeps an audit trail. A write that is refused leaves no trace in it. */
export function audited(inner: StoragePlugin, trail: AuditTrail): StoragePlugin {
  return {
    kind: 'storage',
    name: `audited-${inner.name}`,
    apiVersion: PLUGIN_API_VERSION,
    create: () => audit(inner.create(), trail),
  };
}

function audit(storage: Storage, trail: AuditTrail): Storage {
  return withMembers(storage, {
    commit: async (batch) => {
      const { rollbackTo } = batch;
      const found = rollbackTo === null ? null : await storage.header(rollbackTo.height);
      const { checkpoint } = planCommit(batch, storage.checkpoint(), storage.identity(), found);
      await written(trail, checkpoint, () => storage.commit(batch));
    },
    rollback: async (to) => {
      const found = to === null ? null : await storage.header(to.height);
      const checkpoint = planRollback(to, found, storage.checkpoint());
      return written(trail, checkpoint, () => storage.rollback(to));
    },
    stage: async () => auditStage(await storage.stage(), trail),
  });
}

/** What is staged is nothing to the store until it is activated. */
function auditStage(stage: StorageStage, trail: AuditTrail): StorageStage {
  let staged = NOTHING_STAGED;
  return withMembers(stage, {
    putBlocks: async (frames) => {
      const more = planStaged(frames, staged);
      await stage.putBlocks(frames);
      staged = more;
    },
    activate: async (activation) => {
      // A stage that is empty or over refuses by itself.
      if (staged.head === null) return stage.activate(activation);
      const { checkpoint } = planActivation(activation, staged);
      await written(trail, checkpoint, () => stage.activate(activation));
      staged = NOTHING_STAGED;
    },
    close: () => {
      staged = NOTHING_STAGED;
      return stage.close();
    },
  });
}

async function written<T>(trail: AuditTrail, next: Checkpoint, write: () => Promise<T>): Promise<T> {
  trail.begins(next);
  const result = await write();
  trail.ended(next);
  return result;
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
