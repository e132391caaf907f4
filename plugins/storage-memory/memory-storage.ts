import type {
  AbortOptions,
  BlockHeader,
  BlockRange,
  BlockRef,
  ChainIdentity,
  Checkpoint,
  CommitBatch,
  Frame,
  StateChange,
  StateEntry,
  StateTable,
  Storage,
  StorageView,
} from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { throwIfAborted } from '../../src/internal/abort.js';
import { checkRollback, planCommit } from '../../src/internal/commit-rules.js';
import { StateTables } from './state-tables.js';

/** Frames in one batch of `read` at most: enough to make batching pay, few enough to stay small. */
const READ_BATCH = 64;

interface StoredBlock {
  readonly frame: Frame;
  readonly undo: readonly StateChange[];
}

const EMPTY: Checkpoint = { head: null, base: 0, finalized: null };

/** Keeps everything in arrays and maps. What it was given is kept, not copied. */
export class MemoryStorage implements Storage {
  readonly name = 'memory';
  readonly supports = { durable: false };
  #open = false;
  #checkpoint = EMPTY;
  #identity: ChainIdentity | null = null;
  #blocks: StoredBlock[] = [];
  readonly #state = new StateTables();
  readonly #cursors = new Map<string, BlockRef>();

  open(options: AbortOptions = {}): Promise<void> {
    return run(() => {
      throwIfAborted(options.signal);
      this.#open = true;
    });
  }

  checkpoint(): Checkpoint {
    this.#check();
    return this.#checkpoint;
  }

  identity(): ChainIdentity | null {
    this.#check();
    return this.#identity;
  }

  commit(batch: CommitBatch): Promise<void> {
    return run(() => {
      const plan = planCommit(batch, this.checkpoint(), this.#identity);
      for (const { frame, changes } of batch.blocks)
        this.#blocks.push({ frame, undo: this.#state.apply(changes) });
      this.#checkpoint = plan.checkpoint;
      this.#identity = plan.identity;
    });
  }

  rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    return run(() => {
      const { base, finalized } = this.checkpoint();
      checkRollback(to, to === null ? null : this.#headerAt(to.height), this.#checkpoint);
      const kept = to === null ? 0 : to.height - base + 1;
      const dropped = this.#blocks.splice(kept).reverse();
      for (const { undo } of dropped) this.#state.apply(undo);
      this.#checkpoint = { head: to, base: to === null ? 0 : base, finalized };
      if (to === null) this.#state.clear();
      return dropped.map(({ frame }) => ({ height: frame.header.height, hash: frame.header.hash }));
    });
  }

  header(height: number): Promise<BlockHeader | null> {
    return run(() => this.#headerAt(height));
  }

  get(height: number): Promise<Frame | null> {
    return run(() => this.#at(height)?.frame ?? null);
  }

  read(range: BlockRange, options: AbortOptions = {}): AsyncIterable<readonly Frame[]> {
    this.#check();
    return readBlocks(() => this.#blocks, this.#checkpoint.base, range, options);
  }

  getState(table: StateTable, key: string): Promise<Uint8Array | null> {
    return run(() => {
      this.#check();
      return this.#state.get(table, key);
    });
  }

  entries(table: StateTable, options: AbortOptions = {}): AsyncIterable<readonly StateEntry[]> {
    this.#check();
    return entriesOf(this.#state, table, options);
  }

  cursor(consumer: string): Promise<BlockRef | null> {
    return run(() => {
      this.#check();
      return this.#cursors.get(consumer) ?? null;
    });
  }

  setCursor(consumer: string, ref: BlockRef): Promise<void> {
    return run(() => {
      this.#check();
      this.#cursors.set(consumer, ref);
    });
  }

  view(): Promise<StorageView> {
    return run(() => {
      const checkpoint = this.checkpoint();
      const blocks = [...this.#blocks];
      const state = this.#state.copy();
      return {
        checkpoint,
        read: (range, options = {}) => readBlocks(() => blocks, checkpoint.base, range, options),
        entries: (table, options = {}) => entriesOf(state, table, options),
        close: () => Promise.resolve(),
      };
    });
  }

  close(): Promise<void> {
    this.#open = false;
    return Promise.resolve();
  }

  #check(): void {
    if (!this.#open) throw new SyncError('STORE_CLOSED', 'The store is not open.');
  }

  #at(height: number): StoredBlock | undefined {
    return this.#blocks[height - this.checkpoint().base];
  }

  #headerAt(height: number): BlockHeader | null {
    return this.#at(height)?.frame.header ?? null;
  }
}

/** Runs a synchronous step with a promise's way of failing. */
function run<T>(step: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(step());
  });
}

async function* readBlocks(
  blocks: () => readonly StoredBlock[],
  base: number,
  range: BlockRange,
  options: AbortOptions,
): AsyncGenerator<readonly Frame[]> {
  for (let from = Math.max(range.from, base); from <= range.to; from += READ_BATCH) {
    throwIfAborted(options.signal);
    const to = Math.min(range.to, from + READ_BATCH - 1);
    const batch = blocks().slice(from - base, to - base + 1);
    if (batch.length > 0) yield batch.map(({ frame }) => frame);
    if (batch.length < to - from + 1) return;
    await Promise.resolve();
  }
}

async function* entriesOf(
  state: StateTables,
  table: StateTable,
  options: AbortOptions,
): AsyncGenerator<readonly StateEntry[]> {
  throwIfAborted(options.signal);
  const entries = state.entries(table);
  await Promise.resolve();
  if (entries.length > 0) yield entries;
}
