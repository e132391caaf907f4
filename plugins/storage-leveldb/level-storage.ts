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
import { checkRollback, planCommit } from '../../src/internal/commit-rules.js';
import { readMeta } from './check.js';
import { type Database, openDatabase } from './database.js';
import { storeError } from './errors.js';
import { HighWater } from './high-water.js';
import { cursorKey, frameKey, headerKey, stateKey, undoKey } from './keys.js';
import { Reader } from './reader.js';
import {
  decodeFrame,
  decodeInfo,
  decodeJson,
  decodeUndo,
  encodeJson,
  type Meta,
  sealValue,
} from './records.js';
import { commitOperations, type Operation, rollbackOperations } from './writer.js';

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
  #opened: Opened | null = null;
  /** Why nothing more may be written: after a failed write it is unknown what is on the disk. */
  #failure: SyncError | null = null;

  constructor(options: LevelStorageOptions) {
    this.#options = options;
  }

  async open(options: AbortOptions = {}): Promise<void> {
    const { location, createIfMissing = true } = this.#options;
    if (this.#opened !== null) return;
    const mark = new HighWater(location);
    const db = await openDatabase(location, createIfMissing);
    const reader = new Reader(db, null);
    try {
      const meta = await this.#guard(async () => readMeta(reader, await mark.read(), options.signal));
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

  async commit(batch: CommitBatch): Promise<void> {
    const store = this.#use();
    const before = store.meta;
    const meta: Meta = planCommit(batch, before.checkpoint, before.identity);
    const readState = (table: StateTable, key: string): Promise<Uint8Array | null> =>
      this.getState(table, key);
    const operations = await this.#guard(() => commitOperations(batch, meta, readState));
    await this.#write(store, operations, meta);
    store.mark.advance(meta.checkpoint.head?.height ?? -1);
    await this.#pruneUndo(store, before.checkpoint.finalized, meta.checkpoint.finalized);
  }

  async rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    const store = this.#use();
    const { checkpoint, identity } = store.meta;
    checkRollback(to, to === null ? null : await this.header(to.height), checkpoint);
    const from = to === null ? checkpoint.base : to.height + 1;
    const { dropped, undo } = await this.#guard(() => this.#collect(store, from));
    const meta: Meta = {
      checkpoint: { ...checkpoint, head: to, base: to === null ? 0 : checkpoint.base },
      identity,
    };
    await this.#guard(() => store.mark.lower(to === null ? -1 : to.height));
    await this.#write(store, rollbackOperations(dropped, undo, meta), meta);
    return dropped;
  }

  async header(height: number): Promise<BlockHeader | null> {
    const { reader } = this.#use();
    const body = await this.#guard(() =>
      reader.value(headerKey(height), `header of block ${height}`, height),
    );
    return body === null ? null : decodeInfo(body, height).header;
  }

  async get(height: number): Promise<Frame | null> {
    const { reader, meta } = this.#use();
    const body = await this.#guard(() => reader.value(frameKey(height), `block ${height}`, height));
    if (body !== null) return decodeFrame(body, height);
    const { base, head } = meta.checkpoint;
    if (head === null || height < base || height > head.height) return null;
    throw new SyncError('STORE_DAMAGED', `Block ${height} is missing from the store.`, { height });
  }

  read(range: BlockRange, options: AbortOptions = {}): AsyncIterable<readonly Frame[]> {
    const { reader, meta } = this.#use();
    return this.#guarded(reader.frames(range, meta.checkpoint, options));
  }

  async getState(table: StateTable, key: string): Promise<Uint8Array | null> {
    const { reader } = this.#use();
    const what = `value of ${JSON.stringify(key)} in ${table}`;
    return this.#guard(() => reader.value(stateKey(table, key), what));
  }

  entries(table: StateTable, options: AbortOptions = {}): AsyncIterable<readonly StateEntry[]> {
    return this.#guarded(this.#use().reader.entries(table, options));
  }

  async cursor(consumer: string): Promise<BlockRef | null> {
    const { reader } = this.#use();
    const what = `position of the consumer ${JSON.stringify(consumer)}`;
    const body = await this.#guard(() => reader.value(cursorKey(consumer), what));
    return body === null ? null : (decodeJson(body) as BlockRef);
  }

  async setCursor(consumer: string, { height, hash }: BlockRef): Promise<void> {
    const { db } = this.#use();
    this.#checkWritable();
    const key = cursorKey(consumer);
    await this.#guard(() => db.put(key, sealValue(key, encodeJson({ height, hash }))));
  }

  view(): Promise<StorageView> {
    return this.#guard(() => {
      const { db, meta } = this.#use();
      const snapshot = db.snapshot();
      const reader = new Reader(db, snapshot);
      return Promise.resolve({
        checkpoint: meta.checkpoint,
        read: (range, options = {}) => this.#guarded(reader.frames(range, meta.checkpoint, options)),
        entries: (table, options = {}) => this.#guarded(reader.entries(table, options)),
        close: () => snapshot.close(),
      } satisfies StorageView);
    });
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    if (opened === null) return;
    this.#opened = null;
    await opened.mark.flush().catch(() => undefined);
    await this.#guard(() => opened.db.close());
  }

  async #collect(
    { reader }: Opened,
    from: number,
  ): Promise<{ readonly dropped: BlockRef[]; readonly undo: (readonly StateChange[])[] }> {
    const dropped: BlockRef[] = [];
    const undo: (readonly StateChange[])[] = [];
    for await (const infos of reader.infos({ from, to: Number.MAX_SAFE_INTEGER }, {})) {
      for (const { header } of infos) {
        dropped.unshift({ height: header.height, hash: header.hash });
        const body = await reader.value(
          undoKey(header.height),
          `undo record of block ${header.height}`,
          header.height,
        );
        if (body !== null) undo.unshift(decodeUndo(body));
      }
    }
    return { dropped, undo };
  }

  async #write(store: Opened, operations: Operation[], meta: Meta): Promise<void> {
    this.#checkWritable();
    try {
      await store.db.batch(operations, { sync: true });
    } catch (error) {
      this.#failure = storeError(error, this.#options.location);
      throw this.#failure;
    }
    store.meta = meta;
  }

  #checkWritable(): void {
    if (this.#failure === null) return;
    const message = `An earlier write failed (${this.#failure.code}); the store has to be opened again.`;
    throw new SyncError(this.#failure.code, message, { cause: this.#failure });
  }

  /** What is final is never undone. */
  async #pruneUndo({ db }: Opened, before: BlockRef | null, now: BlockRef | null): Promise<void> {
    if (now === null || now.height === before?.height) return;
    const gte = undoKey(before === null ? 0 : before.height + 1);
    await this.#guard(() => db.clear({ gte, lte: undoKey(now.height) }));
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

  async *#guarded<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
    try {
      yield* source;
    } catch (error) {
      throw storeError(error, this.#options.location);
    }
  }
}
