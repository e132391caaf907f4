import type {
  AbortOptions,
  BlockHeader,
  BlockRange,
  BlockRef,
  ChainChange,
  ChainIdentity,
  Checkpoint,
  CheckpointAdvance,
  CommitBatch,
  Frame,
  StateEntry,
  StateReader,
  StoreTable,
  Storage,
  StorageLag,
  StorageRoles,
  StorageStage,
  StorageView,
} from '../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../src/errors/index.js';
import { throwIfAborted } from '../../src/internal/abort.js';
import { LinkedAbort } from '../../src/internal/linked-abort.js';
import { planAdvance, planRollback } from '../../src/internal/commit-rules.js';
import { WriteQueue } from '../../src/internal/write-queue.js';
import { BlockWriter, isHeld } from './block-writer.js';
import { readCursor, setOwnCursor, writeCursor } from './cursor-rows.js';
import { leave, type OpenParts, type OpenStore, openStore, type WriterSide } from './open-store.js';
import type { PostgresSettings } from '../../src/internal/postgres-options.js';
import { newGeneration, PostgresStage } from './postgres-stage.js';
import { PostgresTiles } from './postgres-tiles.js';
import { headerOf, pageOf, readBlocks, readEntries, type Source } from './reads.js';
import { StandBy } from './stand-by.js';
import { valueAt } from './state-rows.js';
import type { Moment } from './store-row.js';
import { TileMemory } from './tile-memory.js';
import { NOTHING_BESIDE } from './writer.js';

/** Keeps blocks and state in the tables of a PostgreSQL database. */
export class PostgresStorage implements Storage {
  readonly name = 'postgres';
  readonly directory = null;
  readonly supports = { durable: true, shared: true };
  /** Absent in the writer, whose store nobody else changes. */
  readonly watch?: NonNullable<Storage['watch']>;
  /** Absent in a store that has one role. */
  readonly roles?: StorageRoles;
  readonly #settings: PostgresSettings;
  readonly #queue = new WriteQueue();
  readonly #memory = new TileMemory();
  readonly tiles: PostgresTiles;
  #blocks: BlockWriter | null = null;
  readonly #listeners = new Set<(change: ChainChange | null) => void>();
  readonly #standBy: StandBy | null;
  #open: OpenStore | null = null;
  #opening: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  #callOff: (() => void) | null = null;
  #stage: StorageStage | null = null;
  #isStaging = false;
  #stagedGen: number | null = null;

  constructor(settings: PostgresSettings) {
    this.#settings = settings;
    this.tiles = new PostgresTiles({
      source: () => this.#source(),
      current: (read) => this.#current(read),
      maker: () => {
        const { side } = this.#opened();
        return side.role === 'writer' ? this.#blocksOf(side).maker : null;
      },
      made: () => this.#blocks?.maker.made ?? 0,
    });
    this.#standBy = settings.role === 'auto' ? new StandBy() : null;
    if (this.#standBy !== null) this.roles = this.#standBy;
    if (settings.role !== 'writer')
      this.watch = (listener) => {
        const own = (change: ChainChange | null): void => {
          listener(change);
        };
        this.#listeners.add(own);
        return () => this.#listeners.delete(own);
      };
  }

  async open(options: AbortOptions = {}): Promise<void> {
    throwIfAborted(options.signal);
    this.#opening ??= this.#openOnce(options.signal).finally(() => {
      this.#opening = null;
    });
    await this.#opening;
  }

  async #openOnce(signal: AbortSignal | undefined): Promise<void> {
    await this.#closing;
    this.#closing = null;
    const parts: OpenParts = {
      settings: this.#settings,
      listeners: this.#listeners,
      host: { queued: (write) => this.#queue.run(write), staged: () => this.#stagedGen },
      onWriterEnd: () => this.#standBy?.stepDown(),
    };
    const abort = new LinkedAbort(signal);
    this.#callOff = () => {
      abort.abort();
    };
    try {
      if (this.#open !== null) return;
      this.#open = await openStore(parts, abort.signal);
      this.#standBy?.begin(this.#open, parts);
    } finally {
      abort.release();
      this.#callOff = null;
    }
  }

  lag(): StorageLag | null {
    const { side } = this.#opened();
    return side.role === 'writer' ? null : side.follower.lag();
  }

  checkpoint(): Checkpoint {
    return this.#now().checkpoint;
  }

  identity(): ChainIdentity | null {
    return this.#now().identity;
  }

  commit(batch: CommitBatch): Promise<void> {
    return this.#write(({ blocks }) => blocks.commit(batch));
  }

  advance(to: CheckpointAdvance): Promise<void> {
    return this.#write(async ({ writer }) => {
      const checkpoint = planAdvance(to, writer.moment.checkpoint);
      await writer.write({ checkpoint }, () => Promise.resolve(), NOTHING_BESIDE);
    });
  }

  rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    return this.#write(({ blocks }) => blocks.rollback(to));
  }

  prune(to: BlockRef): Promise<void> {
    return this.#write(({ blocks }) => blocks.prune(to));
  }

  async header(height: number): Promise<BlockHeader | null> {
    return this.#current((now) =>
      isHeld(now, height) ? headerOf(this.#source(), now, height) : Promise.resolve(null),
    );
  }

  async get(height: number): Promise<Frame | null> {
    return this.#current(async (now) => {
      if (!isHeld(now, height)) return null;
      const [frame] = await pageOf(this.#source(), now, { from: height, to: height });
      return frame ?? null;
    });
  }

  read(range: BlockRange, options: AbortOptions = {}): AsyncIterable<readonly Frame[]> {
    return readBlocks(this.#source(), () => this.#now(), range, options);
  }

  async getState(table: StoreTable, key: string): Promise<Uint8Array | null> {
    const { database, tables } = this.#opened();
    return this.#current((now) => {
      // A reader may show not all the blocks of a moment yet.
      const asked = { table, key, height: now.checkpoint.head?.height ?? -1 };
      return database.reading((run) => valueAt(run, tables, now, asked));
    });
  }

  async stateAfter(block: BlockRef): Promise<StateReader> {
    const { database, tables } = this.#opened();
    const now = this.#now();
    planRollback(block, await this.header(block.height), now.checkpoint);
    const { height } = block;
    return {
      getState: (table, key) => database.reading((run) => valueAt(run, tables, now, { table, key, height })),
    };
  }

  entries(table: StoreTable, options: AbortOptions = {}): AsyncIterable<readonly StateEntry[]> {
    return readEntries(this.#source(), () => this.#now(), table, options);
  }

  async cursor(consumer: string): Promise<BlockRef | null> {
    const { database, tables } = this.#opened();
    return readCursor(database.read, tables, this.#now().store, consumer);
  }

  async setCursor(consumer: string, ref: BlockRef): Promise<void> {
    const { side, database, tables } = this.#opened();
    // In a store that stands by, the writer has a consumer of the same name.
    if (side.role === 'reader' && this.#standBy === null)
      return setOwnCursor(database, tables, side.follower.moment.store, { consumer, ref });
    return this.#write(({ writer, tables }) =>
      writer.write({}, (run) => writeCursor(run, tables, writer.moment.store, { consumer, ref })),
    );
  }

  async view(): Promise<StorageView> {
    const now = this.#now();
    const release = this.#source().hold(now);
    let isClosed = false;
    const source = this.#source(() => {
      if (isClosed) throw new SyncError('STORE_CLOSED', 'The view of the store is closed.');
    });
    return Promise.resolve({
      checkpoint: now.checkpoint,
      read: (range, options = {}) => readBlocks(source, () => now, range, options),
      entries: (table, options = {}) => readEntries(source, () => now, table, options),
      close: () => {
        isClosed = true;
        release();
        return Promise.resolve();
      },
    });
  }

  async stage(): Promise<StorageStage> {
    this.#opened();
    if (this.#isStaging) throw new TypeError('The store has a stage already; close that one first.');
    this.#isStaging = true;
    const released = (): void => {
      this.#isStaging = false;
      this.#stagedGen = null;
    };
    try {
      this.#stage = await this.#write(async ({ writer, tables }) => {
        const queued = (write: () => Promise<void>): Promise<void> => this.#queue.run(write);
        this.#stagedGen = await newGeneration(writer, tables);
        return new PostgresStage({ tables, writer, queued, released }, this.#stagedGen);
      });
      return this.#stage;
    } catch (error) {
      released();
      throw error;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#callOff?.();
    await this.#opening?.catch(() => undefined);
    const open = this.#open;
    open?.database.stopWaiting();
    await this.#blocks?.maker.close();
    this.#open = null;
    await this.#stage?.close();
    if (open === null) return;
    await this.#standBy?.stop();
    await leave(open.side, () => this.#queue.idle());
    await open.database.close();
  }

  /** Reads at the present moment: a reader may hear late that it has passed. */
  async #current<T>(read: (now: Moment) => Promise<T>): Promise<T> {
    const { side } = this.#opened();
    try {
      return await read(this.#now());
    } catch (error) {
      if (side.role === 'writer' || !isSyncError(error, 'STORE_CLOSED')) throw error;
      await side.follower.refresh();
      return read(this.#now());
    }
  }

  #source(check = (): void => undefined): Source {
    const { database, tables, side } = this.#opened();
    return {
      tables,
      memory: this.#memory,
      reading: (step) => database.reading(step),
      // What a reader needs is kept for a time.
      hold: (at) => (side.role === 'writer' ? side.purger.retention.hold(at) : () => undefined),
      check: () => {
        this.#opened();
        check();
      },
    };
  }

  /** Queues a write; what is queued when the store is closed is finished first. */
  async #write<T>(
    task: (open: OpenStore & Pick<WriterSide, 'writer'> & { readonly blocks: BlockWriter }) => Promise<T>,
  ): Promise<T> {
    const open = this.#opened();
    const { side } = open;
    if (side.role === 'reader')
      throw new SyncError('STORE_READ_ONLY', 'The store is open for reading: another process writes it.');
    return this.#queue.run(async () => {
      // It may have ended meanwhile, and another one begun, whose tiles are not to be mixed with those of this one.
      side.writer.check();
      const result = await task({ ...open, writer: side.writer, blocks: this.#blocksOf(side) });
      side.teller.tell();
      return result;
    });
  }

  #blocksOf({ writer, teller }: WriterSide): BlockWriter {
    if (this.#blocks?.writer !== writer)
      this.#blocks = new BlockWriter({
        writer,
        source: () => this.#source(),
        queued: (step) => this.#queue.run(step),
        tell: () => {
          teller.tell();
        },
      });
    return this.#blocks;
  }

  #now(): Moment {
    const { side } = this.#opened();
    return side.role === 'writer' ? side.writer.moment : side.follower.moment;
  }

  #opened(): OpenStore {
    if (this.#open !== null) return this.#open;
    throw new SyncError('STORE_CLOSED', 'The store is not open.');
  }
}
