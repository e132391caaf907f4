import type {
  AbortOptions,
  BlockHeader,
  BlockRange,
  BlockRef,
  ChainIdentity,
  Checkpoint,
  CheckpointAdvance,
  CommitBatch,
  Frame,
  StageActivation,
  StateEntry,
  StateReader,
  StateTable,
  Storage,
  StorageStage,
  StorageView,
} from '../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../src/errors/index.js';
import { planAdvance, planCommit, planRollback } from '../../src/internal/commit-rules.js';
import { WriteQueue } from '../../src/internal/write-queue.js';
import { readMeta } from './check.js';
import { removeLeftovers } from './contents.js';
import { closeContents, type Contents, makeContents, openDatabase } from './database.js';
import { storeError } from './errors.js';
import { noteClosed } from './files.js';
import { HighWater } from './high-water.js';
import { cursorKey, stateKey, undoKey } from './keys.js';
import { LevelStage } from './level-stage.js';
import { Reader } from './reader.js';
import { collectFrom, confirmGone, type Dropped, guard, guarded, holds, momentOf, scan } from './reads.js';
import type { LevelStorageOptions } from './options.js';
import { decodeJson, encodeJson, type Meta, sealValue } from './records.js';
import { heightOfHead, isStillNamed, type Opened, retire, switchContents } from './switch-contents.js';
import {
  commitOperations,
  metaOperation,
  type Operation,
  type ReadState,
  rollbackOperations,
  stateBefore,
} from './writer.js';

/** Blocks, state and checkpoint in an embedded LevelDB, with the frames in files beside it. */
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
    const reader = new Reader(contents, null);
    try {
      const meta = await this.#guard(async () => {
        const sizes = await contents.segments.sizes();
        const checked = await readMeta(reader, sizes, await mark.read(), options.signal);
        await contents.segments.resume(checked.used);
        return checked.meta;
      });
      if (meta.checkpoint.head !== null) await mark.advance(meta.checkpoint.head.height);
      this.#opened = { contents, reader, mark, meta };
      this.#failure = null;
    } catch (error) {
      await closeContents(contents);
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

  advance(to: CheckpointAdvance): Promise<void> {
    return this.#writes.run(() => this.#advance(to));
  }

  rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    return this.#writes.run(() => this.#rollback(to));
  }

  setCursor(consumer: string, ref: BlockRef): Promise<void> {
    return this.#writes.run(() => this.#setCursor(consumer, ref));
  }

  async #commit(batch: CommitBatch): Promise<void> {
    const store = this.#writable();
    const { rollbackTo: to } = batch;
    const above = to === null ? null : await this.#above(store, to);
    const before = store.meta;
    const plan = planCommit(batch, before.checkpoint, before.identity, to);
    const rollbacks = before.rollbacks + (above === null ? 0 : 1);
    const meta: Meta = { ...plan, rollbacks };
    const readState = above === null ? this.#readState : stateBefore(above, this.#readState);
    const { segments } = store.contents;
    const placed = segments.place(batch.blocks.map(({ frame }) => frame));
    const operations = await this.#guard(() => commitOperations(batch, placed.places, meta, readState));
    // What the batch names has to be durable before it is.
    const frames = (): Promise<void> => segments.append(placed, true);
    const write = (): Promise<void> => this.#batch(store, operations, frames);
    if (above === null) await write();
    else {
      operations.unshift(...rollbackOperations(to, above, rollbacks));
      await this.#dropping(store, to, write);
      segments.dropBetween(above.segment, placed.places[0]?.segment ?? 0);
    }
    store.meta = meta;
    await store.mark.advance(heightOfHead(meta));
    await this.#pruneUndo(store, before.checkpoint.finalized, meta.checkpoint.finalized);
  }

  async #advance(to: CheckpointAdvance): Promise<void> {
    const store = this.#writable();
    const before = store.meta.checkpoint;
    const checkpoint = planAdvance(to, before);
    if (checkpoint.confirmed === before.confirmed && checkpoint.finalized === before.finalized) return;
    const meta = { ...store.meta, checkpoint };
    await this.#batch(store, [metaOperation(meta)]);
    store.meta = meta;
    await this.#pruneUndo(store, before.finalized, checkpoint.finalized);
  }

  async #rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    const store = this.#writable();
    const { checkpoint, identity, rollbacks } = store.meta;
    const above = await this.#above(store, to);
    if (above === null) return [];
    const meta = { checkpoint: planRollback(to, to, checkpoint), identity, rollbacks: rollbacks + 1 };
    const operations = [...rollbackOperations(to, above, meta.rollbacks), metaOperation(meta)];
    await this.#dropping(store, to, () => this.#batch(store, operations));
    store.meta = meta;
    // Failing here leaves files that the next start removes.
    await store.contents.segments.dropAbove(above.segment).catch(() => undefined);
    return above.dropped;
  }

  /** What is above a block that may be gone back to; `null` when nothing is. @throws SyncError `BELOW_FINALIZED`, `STORE_GAP` */
  async #above(
    { meta: { checkpoint }, reader }: Opened,
    to: BlockRef | null,
  ): Promise<(Dropped & { readonly segment: number }) | null> {
    const info = to === null ? null : await this.#held(to.height, (held) => held.info(to.height));
    planRollback(to, info?.header ?? null, checkpoint);
    const from = to === null ? checkpoint.base : to.height + 1;
    const above = await this.#guard(() => collectFrom(reader, from));
    return above.dropped.length === 0 ? null : { ...above, segment: info?.place.segment ?? 0 };
  }

  /** Makes a write that drops the blocks above one. */
  async #dropping({ mark, reader }: Opened, to: BlockRef | null, write: () => Promise<void>): Promise<void> {
    await this.#guard(() => mark.lower(to?.height ?? -1));
    reader.forget();
    await write();
    reader.forget();
  }

  /** Writes records in one durable batch, and before them what they name. */
  #batch(
    { contents: { db } }: Opened,
    operations: Operation[],
    before: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    return this.#write(async () => {
      await before();
      await db.batch(operations, { sync: true });
    });
  }

  async header(height: number): Promise<BlockHeader | null> {
    const info = await this.#held(height, (reader) => reader.info(height));
    return info === null ? null : info.header;
  }

  get(height: number): Promise<Frame | null> {
    return this.#held(height, (reader) => reader.frame(height));
  }

  read(range: BlockRange, options: AbortOptions = {}): AsyncIterable<readonly Frame[]> {
    this.#use();
    return scan(this.directory, this.#contents, (reader) => reader.frames(range, options));
  }

  async stateAfter(block: BlockRef): Promise<StateReader> {
    const above = await this.#above(this.#use(), block);
    return { getState: above === null ? this.#readState : stateBefore(above, this.#readState) };
  }

  readonly #readState: ReadState = (table, key) => this.getState(table, key);

  async getState(table: StateTable, key: string): Promise<Uint8Array | null> {
    const what = `value of ${JSON.stringify(key)} in ${table}`;
    return this.#current(({ reader }) => reader.value(stateKey(table, key), what));
  }

  entries(table: StateTable, options: AbortOptions = {}): AsyncIterable<readonly StateEntry[]> {
    this.#use();
    return scan(this.directory, this.#contents, (reader) => reader.entries(table, options));
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
    return this.#current(async ({ contents }) => {
      const { reader, close } = momentOf(contents);
      try {
        const { checkpoint } = await reader.meta();
        return {
          checkpoint,
          read: (range, options = {}) => guarded(this.directory, reader.frames(range, options)),
          entries: (table, options = {}) => guarded(this.directory, reader.entries(table, options)),
          close,
        } satisfies StorageView;
      } catch (error) {
        await close();
        throw error;
      }
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
    await this.#guard(() => closeContents(opened.contents));
    if (this.#failure === null) await noteClosed(this.#options.location).catch(() => undefined);
  }

  /** Something that every held height has; `null` for other heights. */
  #held<T>(height: number, read: (reader: Reader) => Promise<T | null>): Promise<T | null> {
    return this.#current(async ({ contents, reader, meta }) => {
      if (!holds(meta.checkpoint, height)) return null;
      const unpin = contents.segments.pin();
      try {
        return (await read(reader)) ?? (await confirmGone(contents, height, read));
      } finally {
        unpin();
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
    const { code, message: first } = this.#failure;
    const message = `The store has to be opened again, as an earlier write failed: ${first}`;
    throw new SyncError(code, message, { cause: this.#failure });
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

  readonly #contents = (): Contents => this.#use().contents;

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
