import type {
  AbortOptions,
  BlockHeader,
  BlockRange,
  BlockRef,
  ChainIdentity,
  Checkpoint,
  CommitBatch,
  Frame,
  StageActivation,
  StateEntry,
  StateTable,
  Storage,
  StorageStage,
  StorageView,
} from '../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../src/errors/index.js';
import { checkRollback, planCommit } from '../../src/internal/commit-rules.js';
import { WriteQueue } from '../../src/internal/write-queue.js';
import { readMeta } from './check.js';
import { removeLeftovers } from './contents.js';
import { type Database, makeContents, openDatabase } from './database.js';
import { storeError } from './errors.js';
import { noteClosed } from './files.js';
import { HighWater } from './high-water.js';
import { cursorKey, frameKey, headerKey, stateKey, undoKey } from './keys.js';
import { LevelStage } from './level-stage.js';
import { Reader } from './reader.js';
import { collectFrom, confirmGone, guard, guarded, holds, scan } from './reads.js';
import { decodeFrame, decodeInfo, decodeJson, encodeJson, type Meta, sealValue } from './records.js';
import { heightOfHead, isStillNamed, type Opened, retire, switchContents } from './switch-contents.js';
import { commitOperations, rollbackOperations } from './writer.js';

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
  #stage: LevelStage | null = null;
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
    const contents = await openDatabase(location, createIfMissing, options.signal);
    const reader = new Reader(contents.db, null);
    try {
      const meta = await this.#guard(async () => readMeta(reader, await mark.read(), options.signal));
      if (meta.checkpoint.head !== null) mark.advance(meta.checkpoint.head.height);
      this.#opened = { contents, reader, mark, meta };
      this.#failure = null;
    } catch (error) {
      await contents.db.close();
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
    await this.#write(() => store.contents.db.batch(operations, { sync: true }));
    store.meta = meta;
    store.mark.advance(heightOfHead(meta));
    await this.#pruneUndo(store, before.checkpoint.finalized, meta.checkpoint.finalized);
  }

  async #rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    const store = this.#writable();
    const { checkpoint, identity, rollbacks } = store.meta;
    checkRollback(to, to === null ? null : await this.header(to.height), checkpoint);
    const from = to === null ? checkpoint.base : to.height + 1;
    const { dropped, undo } = await this.#guard(() => collectFrom(store.reader, from));
    const meta: Meta = {
      checkpoint: { ...checkpoint, head: to, base: to === null ? 0 : checkpoint.base },
      identity,
      rollbacks: rollbacks + 1,
    };
    if (dropped.length === 0) return dropped;
    await this.#guard(() => store.mark.lower(to === null ? -1 : to.height));
    const operations = rollbackOperations(dropped, undo, meta);
    await this.#write(() => store.contents.db.batch(operations, { sync: true }));
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
    this.#use();
    return scan(this.directory, this.#database, (reader) => reader.frames(range, options));
  }

  async getState(table: StateTable, key: string): Promise<Uint8Array | null> {
    const what = `value of ${JSON.stringify(key)} in ${table}`;
    return this.#current(({ reader }) => reader.value(stateKey(table, key), what));
  }

  entries(table: StateTable, options: AbortOptions = {}): AsyncIterable<readonly StateEntry[]> {
    this.#use();
    return scan(this.directory, this.#database, (reader) => reader.entries(table, options));
  }

  async cursor(consumer: string): Promise<BlockRef | null> {
    const what = `position of the consumer ${JSON.stringify(consumer)}`;
    const body = await this.#current(({ reader }) => reader.value(cursorKey(consumer), what));
    return body === null ? null : (decodeJson(body) as BlockRef);
  }

  async #setCursor(consumer: string, { height, hash }: BlockRef): Promise<void> {
    const { db } = this.#writable().contents;
    const key = cursorKey(consumer);
    await this.#write(() => db.put(key, sealValue(key, encodeJson({ height, hash }))));
  }

  stage(): Promise<StorageStage> {
    return this.#writes.run(() => this.#guard(() => this.#makeStage()));
  }

  async #makeStage(): Promise<StorageStage> {
    const { contents } = this.#writable();
    if (this.#stage !== null) throw new TypeError('The store has a stage already; close that one first.');
    const location = this.directory;
    await removeLeftovers(location, contents.name);
    this.#stage = new LevelStage(await makeContents(location), {
      location,
      activate: (stage, activation) =>
        this.#writes.run(() => this.#guard(() => this.#activate(stage, activation))),
      released: () => {
        this.#stage = null;
      },
    });
    return this.#stage;
  }

  async #activate(stage: LevelStage, activation: StageActivation): Promise<void> {
    const old = this.#writable();
    await stage.finish({ ...stage.plan(activation), rollbacks: 0 }, old.contents);
    try {
      this.#opened = await switchContents(this.directory, old, stage.contents);
    } catch (error) {
      // Whether the new name of the marker is durable is unknown: what was written now might be lost.
      if (!(await isStillNamed(this.directory, old.contents)))
        this.#failure = storeError(error, this.directory);
      throw error;
    }
    await retire(this.directory, old.contents);
  }

  view(): Promise<StorageView> {
    return this.#current(async ({ contents: { db } }) => {
      const snapshot = db.snapshot();
      const reader = new Reader(db, snapshot);
      const { checkpoint } = await reader.meta();
      return {
        checkpoint,
        read: (range, options = {}) => guarded(this.directory, reader.frames(range, options)),
        entries: (table, options = {}) => guarded(this.directory, reader.entries(table, options)),
        close: () => snapshot.close(),
      } satisfies StorageView;
    });
  }

  async close(): Promise<void> {
    // What was asked for before is done first; that may be another stage.
    do {
      await this.#stage?.close().catch(() => undefined);
      await this.#writes.idle();
    } while (this.#stage !== null);
    const opened = this.#opened;
    if (opened === null) return;
    this.#opened = null;
    await opened.mark.close().catch(() => undefined);
    await this.#guard(() => opened.contents.db.close());
    if (this.#failure === null) await noteClosed(this.#options.location).catch(() => undefined);
  }

  /** A value that every held height has; `null` for other heights. */
  #held(height: number, key: (height: number) => Buffer, what: string): Promise<Buffer | null> {
    return this.#current(async ({ contents, reader, meta }) => {
      if (!holds(meta.checkpoint, height)) return null;
      const body = await reader.value(key(height), what, height);
      return body ?? confirmGone(contents.db, height, key(height), what);
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
  async #pruneUndo({ contents }: Opened, before: BlockRef | null, now: BlockRef | null): Promise<void> {
    if (now === null || now.height === before?.height) return;
    const gte = undoKey(before === null ? 0 : before.height + 1);
    await this.#write(() => contents.db.clear({ gte, lte: undoKey(now.height) })).catch(() => undefined);
  }

  #use(): Opened {
    if (this.#opened === null) throw new SyncError('STORE_CLOSED', 'The store is not open.');
    return this.#opened;
  }

  readonly #database = (): Database => this.#use().contents.db;

  /** Makes a short read of what is held; once more when new contents took its place in the middle. */
  async #current<T>(read: (opened: Opened) => Promise<T>): Promise<T> {
    const opened = this.#use();
    try {
      return await this.#guard(() => read(opened));
    } catch (error) {
      const isReplaced = this.#opened !== null && this.#opened !== opened;
      if (isReplaced && isSyncError(error, 'STORE_CLOSED')) return this.#current(read);
      throw error;
    }
  }

  #guard<T>(step: () => Promise<T>): Promise<T> {
    return guard(this.directory, step);
  }
}
