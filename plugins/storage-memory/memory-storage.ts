import type {
  AbortOptions,
  BlockHeader,
  BlockRange,
  BlockRef,
  ChainIdentity,
  Checkpoint,
  CheckpointAdvance,
  CommitBatch,
  CommitTile,
  Frame,
  StateEntry,
  StateReader,
  StoreTable,
  Storage,
  StorageStage,
  StorageView,
} from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { throwIfAborted } from '../../src/internal/abort.js';
import { planAdvance, planCommit, planPrune, planRollback } from '../../src/internal/commit-rules.js';
import { cutBlock, dropOf } from '../../src/tiles/plan.js';
import { splitBatch } from '../../src/tiles/whole.js';
import { MemoryStage, run } from './memory-stage.js';
import { keptWhole, MemoryTiles } from './memory-tiles.js';
import { StateTables } from './state-tables.js';
import { Frames, inTile, storedBlock, tileBlock, type StoredBlock } from './stored-block.js';

/** Bytes that one batch of a read aims at. */
const BATCH_BYTES = 1024 * 1024;

/** Frames or entries that one batch has at most. */
const BATCH_ITEMS = 1024;

const EMPTY: Checkpoint = { head: null, base: 0, confirmed: null, finalized: null, assumed: null };

/** Keeps everything in arrays and maps. What it was given is kept, not copied, unless it is a small part of its buffer. */
export class MemoryStorage implements Storage {
  readonly name = 'memory';
  readonly directory = null;
  readonly supports = { durable: false };
  #open = false;
  #checkpoint = EMPTY;
  #identity: ChainIdentity | null = null;
  #blocks: StoredBlock[] = [];
  #state = new StateTables();
  readonly #cursors = new Map<string, BlockRef>();
  readonly #frames = new Frames();
  #stage: MemoryStage | null = null;
  readonly tiles = new MemoryTiles({
    frames: this.#frames,
    blocks: () => {
      this.#check();
      return this.#blocks;
    },
    base: () => this.#checkpoint.base,
    isOpen: () => this.#open,
  });

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
      const to = batch.rollbackTo;
      const found = to === null ? null : this.#headerAt(to.height);
      const plan = planCommit(batch, this.checkpoint(), this.#identity, found);
      const drop = to === null ? null : dropOf(to, { rest: this.tiles.restBelow(to.height + 1) });
      const next = this.tiles.plan.next(drop, batch.blocks.map(cutBlock));
      const { tiles } = splitBatch(batch, next);
      if (to !== null) this.#drop(to);
      const from = this.#blocks.length;
      const whole = new Set(tiles.flatMap(({ blocks }) => blocks));
      for (const block of batch.blocks) {
        const undo = this.#state.apply(block.changes);
        this.#blocks.push(whole.has(block) ? tileBlock(block.frame, undo) : storedBlock(block.frame, undo));
      }
      this.#checkpoint = plan.checkpoint;
      this.#identity = plan.identity;
      this.tiles.plan.become(next);
      const first = batch.blocks[0]?.frame.header.height ?? 0;
      for (const { tile, blocks } of tiles) this.#keepWhole(tile, from + tile.from - first, blocks.length);
    });
  }

  /** Puts a tile that came with a batch in the place of its blocks. */
  #keepWhole(tile: CommitTile, at: number, count: number): void {
    const blocks = this.#blocks.slice(at, at + count);
    this.#blocks.splice(at, count, ...inTile(blocks, keptWhole(tile), tile.body));
  }

  rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    return run(() => {
      const found = to === null ? null : this.#headerAt(to.height);
      const after = planRollback(to, found, this.checkpoint());
      const rest = to === null ? [] : this.tiles.restBelow(to.height + 1);
      const next = this.tiles.plan.next(dropOf(to, { rest }), []);
      const dropped = this.#drop(to);
      this.#checkpoint = after;
      this.tiles.plan.become(next);
      if (to === null) this.#state.clear();
      return dropped.map(({ header: { height, hash } }) => ({ height, hash }));
    });
  }

  advance(to: CheckpointAdvance): Promise<void> {
    return run(() => {
      this.#checkpoint = planAdvance(to, this.checkpoint());
    });
  }

  prune(to: BlockRef): Promise<void> {
    return run(() => {
      const before = this.checkpoint();
      const after = planPrune(to, this.#headerAt(to.height), before);
      // A read that began before has the array as it was.
      this.#blocks = this.#blocks.slice(Math.max(0, after.base - before.base));
      this.#checkpoint = after;
      this.tiles.pruned(after.base);
    });
  }

  header(height: number): Promise<BlockHeader | null> {
    return run(() => this.#headerAt(height));
  }

  get(height: number): Promise<Frame | null> {
    return run(() => {
      const block = this.#at(height);
      return block === undefined ? null : this.#frames.of(block);
    });
  }

  read(range: BlockRange, options: AbortOptions = {}): AsyncIterable<readonly Frame[]> {
    this.#check();
    const blocks = (): readonly StoredBlock[] => this.#range(this.#blocks, this.#checkpoint.base, range);
    return readBlocks(blocks, this.#frames, this.#whileOpen, options);
  }

  getState(table: StoreTable, key: string): Promise<Uint8Array | null> {
    return run(() => {
      this.#check();
      return this.#state.get(table, key);
    });
  }

  stateAfter(block: BlockRef): Promise<StateReader> {
    return run(() => {
      planRollback(block, this.#headerAt(block.height), this.checkpoint());
      const state = this.#state.copy();
      for (const { undo } of this.#above(block).reverse()) state.apply(undo);
      return { getState: (table, key) => Promise.resolve(state.get(table, key)) };
    });
  }

  entries(table: StoreTable, options: AbortOptions = {}): AsyncIterable<readonly StateEntry[]> {
    this.#check();
    return entriesOf(() => this.#state, table, this.#whileOpen, options);
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

  stage(): Promise<StorageStage> {
    return run(() => {
      this.#check();
      if (this.#stage !== null) throw new TypeError('The store has a stage already; close that one first.');
      this.#stage = new MemoryStage({
        activate: (plan, blocks, state) => {
          this.#checkpoint = plan.checkpoint;
          this.#identity = plan.identity;
          this.#blocks = blocks;
          this.#state = state;
          this.tiles.reset();
        },
        released: () => {
          this.#stage = null;
        },
      });
      return this.#stage;
    });
  }

  view(): Promise<StorageView> {
    return run(() => {
      const checkpoint = this.checkpoint();
      const blocks = [...this.#blocks];
      const state = this.#state.copy();
      let closed = false;
      const check = (): void => {
        this.#check();
        if (closed) throw new SyncError('STORE_CLOSED', 'The view of the store is closed.');
      };
      return {
        checkpoint,
        read: (range, options = {}) =>
          readBlocks(() => this.#range(blocks, checkpoint.base, range), this.#frames, check, options),
        entries: (table, options = {}) => entriesOf(() => state, table, check, options),
        close: () => {
          closed = true;
          return Promise.resolve();
        },
      };
    });
  }

  async close(): Promise<void> {
    this.#open = false;
    await this.#stage?.close();
  }

  readonly #whileOpen = (): void => {
    this.#check();
  };

  #check(): void {
    if (!this.#open) throw new SyncError('STORE_CLOSED', 'The store is not open.');
  }

  /** Blocks above one, or all, oldest first. */
  #above(block: BlockRef | null): StoredBlock[] {
    return this.#blocks.slice(block === null ? 0 : block.height - this.#checkpoint.base + 1);
  }

  /** Drops the blocks above one, or all, with their changes of the state. @returns them, newest first. */
  #drop(to: BlockRef | null): readonly StoredBlock[] {
    const dropped = this.#above(to).reverse();
    this.#blocks.length -= dropped.length;
    for (const { undo } of dropped) this.#state.apply(undo);
    this.tiles.dropped((to?.height ?? -1) + 1);
    return dropped;
  }

  #range(blocks: readonly StoredBlock[], base: number, { from, to }: BlockRange): readonly StoredBlock[] {
    return blocks.slice(Math.max(from - base, 0), Math.max(to - base + 1, 0));
  }

  #at(height: number): StoredBlock | undefined {
    return this.#blocks[height - this.checkpoint().base];
  }

  #headerAt(height: number): BlockHeader | null {
    return this.#at(height)?.header ?? null;
  }
}

/** What is read is what was there when the first batch was asked for. */
async function* readBlocks(
  find: () => readonly StoredBlock[],
  frames: Frames,
  check: () => void,
  { signal }: AbortOptions,
): AsyncGenerator<readonly Frame[]> {
  check();
  throwIfAborted(signal);
  const blocks = find();
  for (let at = 0; at < blocks.length;) {
    throwIfAborted(signal);
    check();
    const batch = await takeBatch(blocks, at, frames);
    at += batch.length;
    yield batch;
    await Promise.resolve();
  }
}

async function takeBatch(
  blocks: readonly StoredBlock[],
  from: number,
  frames: Frames,
): Promise<readonly Frame[]> {
  const batch: Frame[] = [];
  for (let at = from, bytes = 0; at < blocks.length && batch.length < BATCH_ITEMS; at++) {
    const block = blocks[at];
    if (block === undefined || bytes >= BATCH_BYTES) break;
    const frame = await frames.of(block);
    bytes += frame.bytes.byteLength;
    batch.push(frame);
  }
  return batch;
}

async function* entriesOf(
  state: () => StateTables,
  table: StoreTable,
  check: () => void,
  { signal }: AbortOptions,
): AsyncGenerator<readonly StateEntry[]> {
  check();
  throwIfAborted(signal);
  const entries = state().entries(table);
  for (let at = 0; at < entries.length; at += BATCH_ITEMS) {
    throwIfAborted(signal);
    check();
    yield entries.slice(at, at + BATCH_ITEMS);
    await Promise.resolve();
  }
}
