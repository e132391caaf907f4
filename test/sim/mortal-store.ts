import { MemoryStorage } from '../../plugins/storage-memory/memory-storage.js';
import type {
  BlockHeader,
  BlockRef,
  CheckpointAdvance,
  CommitBatch,
  StateReader,
} from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { held } from './clock.js';

/** What the process was at when it died. */
export type Death = 'commit' | 'tiles' | 'tile-commit';

/** When a process dies. */
export interface DeathPlan {
  /** At its n-th write from now. */
  readonly write: number;
  /** After that was made, and not before. */
  readonly isAfter: boolean;
  /** Whether only writes of tiles count. */
  readonly tilesOnly: boolean;
}

/**
 * The store of a process that can die in the middle of its work: from then on nothing is written until it is opened again.
 * What is written is one step, so that a write is there or is not; which, the process does not learn.
 */
export class MortalStore extends MemoryStorage {
  /** Called once when the process dies. */
  onDeath: (at: Death) => void = () => undefined;
  #plan: (DeathPlan & { left: number }) | null = null;
  #isDead = false;

  constructor() {
    super();
    const settle = this.tiles.settle.bind(this.tiles);
    // Encoding goes on beside the rest; it takes no virtual time.
    this.tiles.settle = (...how) => this.#mortal('tiles', () => held(settle(...how)));
  }

  dieAt(plan: DeathPlan): void {
    this.#plan = { ...plan, left: plan.write };
  }

  override open(...options: Parameters<MemoryStorage['open']>): Promise<void> {
    this.#isDead = false;
    this.#plan = null;
    return super.open(...options);
  }

  override commit(batch: CommitBatch): Promise<void> {
    const hasTiles = (batch.tiles ?? []).length > 0;
    return this.#mortal(hasTiles ? 'tile-commit' : 'commit', () => super.commit(batch));
  }

  override rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    return this.#mortal('commit', () => super.rollback(to));
  }

  override advance(to: CheckpointAdvance): Promise<void> {
    return this.#mortal('commit', () => super.advance(to));
  }

  override setCursor(consumer: string, ref: BlockRef): Promise<void> {
    return this.#mortal('commit', () => super.setCursor(consumer, ref));
  }

  override stateAfter(block: BlockRef): Promise<StateReader> {
    return this.#mortal(null, () => super.stateAfter(block));
  }

  /** What a process that is started anew finds: the blocks that were confirmed, or all. */
  async find(isConfirmedOnly: boolean): Promise<readonly BlockHeader[]> {
    await this.open();
    const { base, head, confirmed } = this.checkpoint();
    const last = isConfirmedOnly ? confirmed : head;
    const headers: BlockHeader[] = [];
    for (let height = base; height <= (last?.height ?? -1); height++) {
      const header = await this.header(height);
      if (header !== null) headers.push(header);
    }
    await this.close();
    return headers;
  }

  async #mortal<T>(at: Death | null, write: () => Promise<T>): Promise<T> {
    if (this.#isDead) throw died();
    const plan = this.#plan;
    const isCounted = at !== null && !(plan?.tilesOnly === true && at === 'commit');
    if (plan === null || !isCounted || (plan.left -= 1) > 0) return write();
    this.#plan = null;
    const written = plan.isAfter ? await write() : null;
    this.#isDead = true;
    this.onDeath(at);
    throw died(written);
  }
}

function died(cause: unknown = null): SyncError {
  return new SyncError('STORE_IO', 'The process has died.', { cause });
}
