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
  StorageStage,
  StorageView,
} from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { checkRollback, planCommit } from '../../src/internal/commit-rules.js';
import { WriteQueue } from '../../src/internal/write-queue.js';
import { readMeta } from './check.js';
import { type Database, openDatabase } from './database.js';
import { storeError } from './errors.js';
import { noteClosed } from './files.js';
import { HighWater } from './high-water.js';
import { cursorKey, frameKey, headerKey, stateKey, undoKey } from './keys.js';
import { missing, Reader } from './reader.js';
import { decodeFrame, decodeInfo, decodeJson, encodeJson, type Meta, sealValue } from './records.js';
import { commitOperations, rollbackOperations } from './writer.js';

interface Opened {
  readonly db: Database;
  readonly reader: Reader;
  readonly mark: HighWater;
  meta: Meta;
}

/** Options of `levelStorage`. */
export interface LevelStorageOptions {
  /** Directory of the store. */
  readonly location: string;
  /** Whether a missing store is made. Default true. */
  readonly createIfMissing?: boolean | undefined;
}

/** Blocks, state and checkpoint in an embedded LevelDB. */
export class LevelStorage implements Storage {
  readonly name = 'leveldb';
  readonly supports = { durable: true };
  readonly #options: LevelStorageOptions;
  /** One write at a time; `close` waits for those under way. */
  readonly #writes = new WriteQueue();
  #opened: Opened | null = null;
  /** Why nothing more may be written: after a failed write it is unknown what is on the disk. */
  #failure: SyncError | null = null;

  constructor(options: LevelStorageOptions) {
    this.#options = options;
  }

  get directory(): string {
    return this.#options.location;
  }

  async open(options: AbortOptions = {}): Promise<void> {
    const { location, createIfMissing = true } = this.#options;
    if (this.#opened !== null) return;
    const mark = new HighWater(location);
    const db = await openDatabase(location, createIfMissing, options.signal);
    const reader = new Reader(db, null);
    try {
      const meta = await this.#guard(async () => readMeta(reader, await mark.read(), options.signal));
      if (meta.checkpoint.head !== null) mark.advance(meta.checkpoint.head.height);
      this.#opened = { db, reader, mark, meta };
      this.#failure = null;
    } catch (error) {
      await db.close();
      throw error;
    }
  }

  checkpoint(): Checkpoint {
    return this.#use().meta.checkpoint;
  }

  identity(): ChainIdentity | null {
    return this.#use().meta.identity;
  }

  commit(batch: CommitBatch): Promise<void> {
    return this.#writes.run(() => this.#commit(batch));
  }

  rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    return this.#writes.run(() => this.#rollback(to));
  }

  setCursor(consumer: string, ref: BlockRef): Promise<void> {
    return this.#writes.run(() => this.#setCursor(consumer, ref));
  }

  async #commit(batch: CommitBatch): Promise<void> {
    const store = this.#writable();
    const before = store.meta;
    const plan = planCommit(batch, before.checkpoint, before.identity);
    const meta: Meta = { ...plan, rollbacks: before.rollbacks };
    const readState = (table: StateTable, key: string): Promise<Uint8Array | null> =>
      this.getState(table, key);
    const operations = await this.#guard(() => commitOperations(batch, meta, readState));
    await this.#write(() => store.db.batch(operations, { sync: true }));
    store.meta = meta;
    store.mark.advance(meta.checkpoint.head?.height ?? -1);
    await this.#pruneUndo(store, before.checkpoint.finalized, meta.checkpoint.finalized);
  }

  async #rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    const store = this.#writable();
    const { checkpoint, identity, rollbacks } = store.meta;
    checkRollback(to, to === null ? null : await this.header(to.height), checkpoint);
    const from = to === null ? checkpoint.base : to.height + 1;
    const { dropped, undo } = await this.#guard(() => this.#collect(store, from));
    const meta: Meta = {
      checkpoint: { ...checkpoint, head: to, base: to === null ? 0 : checkpoint.base },
      identity,
      rollbacks: rollbacks + 1,
    };
    if (dropped.length === 0) return dropped;
    await this.#guard(() => store.mark.lower(to === null ? -1 : to.height));
    await this.#write(() => store.db.batch(rollbackOperations(dropped, undo, meta), { sync: true }));
    store.meta = meta;
    return dropped;
  }

  async header(height: number): Promise<BlockHeader | null> {
    const body = await this.#held(height, headerKey, `header of block ${height}`);
    return body === null ? null : decodeInfo(body, height).header;
  }

  async get(height: number): Promise<Frame | null> {
    const body = await this.#held(height, frameKey, `block ${height}`);
    return body === null ? null : decodeFrame(body, height);
  }

  read(range: BlockRange, options: AbortOptions = {}): AsyncIterable<readonly Frame[]> {
    return this.#scan(this.#use(), (reader) => reader.frames(range, options));
  }

  async getState(table: StateTable, key: string): Promise<Uint8Array | null> {
    const { reader } = this.#use();
    const what = `value of ${JSON.stringify(key)} in ${table}`;
    return this.#guard(() => reader.value(stateKey(table, key), what));
  }

  entries(table: StateTable, options: AbortOptions = {}): AsyncIterable<readonly StateEntry[]> {
    return this.#scan(this.#use(), (reader) => reader.entries(table, options));
  }

  async cursor(consumer: string): Promise<BlockRef | null> {
    const { reader } = this.#use();
    const what = `position of the consumer ${JSON.stringify(consumer)}`;
    const body = await this.#guard(() => reader.value(cursorKey(consumer), what));
    return body === null ? null : (decodeJson(body) as BlockRef);
  }

  async #setCursor(consumer: string, { height, hash }: BlockRef): Promise<void> {
    const { db } = this.#writable();
    const key = cursorKey(consumer);
    await this.#write(() => db.put(key, sealValue(key, encodeJson({ height, hash }))));
  }

  stage(): Promise<StorageStage> {
    return Promise.reject(new TypeError('Not there yet.'));
  }

  view(): Promise<StorageView> {
    return this.#guard(async () => {
      const { db } = this.#use();
      const snapshot = db.snapshot();
      const reader = new Reader(db, snapshot);
      const { checkpoint } = await reader.meta();
      return {
        checkpoint,
        read: (range, options = {}) => this.#guarded(reader.frames(range, options)),
        entries: (table, options = {}) => this.#guarded(reader.entries(table, options)),
        close: () => snapshot.close(),
      } satisfies StorageView;
    });
  }

  async close(): Promise<void> {
    await this.#writes.idle();
    const opened = this.#opened;
    if (opened === null) return;
    this.#opened = null;
    await opened.mark.close().catch(() => undefined);
    await this.#guard(() => opened.db.close());
    if (this.#failure === null) await noteClosed(this.#options.location).catch(() => undefined);
  }

  /** What drops the blocks from a height on, newest first. */
  async #collect(
    { reader }: Opened,
    from: number,
  ): Promise<{ readonly dropped: BlockRef[]; readonly undo: (readonly StateChange[])[] }> {
    const dropped: BlockRef[] = [];
    const undo: (readonly StateChange[])[] = [];
    for await (const infos of reader.infos({ from, to: Number.MAX_SAFE_INTEGER }, {})) {
      for (const { header, changes } of infos) {
        dropped.push({ height: header.height, hash: header.hash });
        if (changes > 0) undo.push(await reader.undo(header.height));
      }
    }
    return { dropped: dropped.reverse(), undo: undo.reverse() };
  }

  /** A value that every held height has; `null` for other heights. */
  async #held(height: number, key: (height: number) => Buffer, what: string): Promise<Buffer | null> {
    const { db, reader, meta } = this.#use();
    if (!holds(meta.checkpoint, height)) return null;
    return this.#guard(async () => {
      const body = await reader.value(key(height), what, height);
      if (body !== null) return body;
      // Lost, or dropped by a rollback that is under way: only one moment's block and head can tell.
      const snapshot = db.snapshot();
      try {
        const then = new Reader(db, snapshot);
        const { checkpoint } = await then.meta();
        const found = await then.value(key(height), what, height);
        if (found === null && holds(checkpoint, height)) throw missing(height);
        return found;
      } finally {
        await snapshot.close();
      }
    });
  }

  /**
   * Makes a write. After a failed one it is unknown what is on the disk, and LevelDB may append behind a torn record,
   * which takes what follows with it: nothing more is written until the store is opened again.
   */
  async #write(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#failure = storeError(error, this.#options.location);
      throw this.#failure;
    }
  }

  #writable(): Opened {
    const store = this.#use();
    if (this.#failure === null) return store;
    const message = `An earlier write failed (${this.#failure.code}); the store has to be opened again.`;
    throw new SyncError(this.#failure.code, message, { cause: this.#failure });
  }

  /** What is final is never undone. Failing here fails the next write, not the commit: that is done. */
  async #pruneUndo({ db }: Opened, before: BlockRef | null, now: BlockRef | null): Promise<void> {
    if (now === null || now.height === before?.height) return;
    const gte = undoKey(before === null ? 0 : before.height + 1);
    await this.#write(() => db.clear({ gte, lte: undoKey(now.height) })).catch(() => undefined);
  }

  #use(): Opened {
    if (this.#opened === null) throw new SyncError('STORE_CLOSED', 'The store is not open.');
    return this.#opened;
  }

  async #guard<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      throw error instanceof TypeError ? error : storeError(error, this.#options.location);
    }
  }

  /** Reads as of the moment at which the first batch is asked for. */
  async *#scan<T>({ db }: Opened, read: (reader: Reader) => AsyncGenerator<T>): AsyncGenerator<T> {
    const snapshot = await this.#guard(() => Promise.resolve(db.snapshot()));
    try {
      yield* this.#guarded(read(new Reader(db, snapshot)));
    } finally {
      await snapshot.close();
    }
  }

  async *#guarded<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
    try {
      yield* source;
    } catch (error) {
      throw storeError(error, this.#options.location);
    }
  }
}

function holds({ base, head }: Checkpoint, height: number): boolean {
  return Number.isSafeInteger(height) && head !== null && height >= base && height <= head.height;
}
