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
  StoreTable,
  Storage,
  StorageStage,
  StorageTiles,
  StorageView,
} from '../../src/contracts/index.js';
import { planAdvance, planCommit, planRollback } from '../../src/internal/commit-rules.js';
import { WriteQueue } from '../../src/internal/write-queue.js';
import { cutBlock, dropOf, type TilePlan } from '../../src/tiles/plan.js';
import { layBatch, NO_BLOCKS, placeBatch, type PlacedBatch } from './batch-layout.js';
import { readMeta } from './check.js';
import { removeLeftovers } from './contents.js';
import { closeContents, makeContents, openDatabase } from './database.js';
import { noteClosed, readMarker } from './files.js';
import { HighWater } from './high-water.js';
import type { Dropped } from './dropped.js';
import { cursorKey, stateKey, undoKey } from './keys.js';
import { LevelStage } from './level-stage.js';
import { LevelTiles } from './level-tiles.js';
import { pruneBelow } from './prune.js';
import { Reader } from './reader.js';
import { scan, viewOf } from './reads.js';
import type { LevelStorageOptions } from './options.js';
import { decodeJson, encodeJson, type Meta, sealValue } from './records.js';
import { StoreHandle } from './store-handle.js';
import { TileMaker } from './tile-maker.js';
import { heightOfHead, isStillNamed, type Opened, retire, switchContents } from './switch-contents.js';
import {
  metaOperation,
  type Operation,
  type ReadState,
  rollbackOperations,
  stateBefore,
  stateOperations,
} from './writer.js';

/** Blocks, state and checkpoint in an embedded LevelDB, with the frames in files beside it. */
export class LevelStorage implements Storage {
  readonly name = 'leveldb';
  readonly supports = { durable: true };
  readonly #options: LevelStorageOptions;
  /** One write at a time; `close` waits for those under way. */
  readonly #writes = new WriteQueue();
  readonly #handle: StoreHandle;
  readonly #tileMaker: TileMaker;
  readonly tiles: StorageTiles;
  #stage: LevelStage | null = null;

  constructor(options: LevelStorageOptions) {
    this.#options = options;
    this.#handle = new StoreHandle(options.location);
    this.#tileMaker = new TileMaker(this.#handle, this.#writes);
    this.tiles = new LevelTiles(this.#handle, this.#tileMaker);
  }

  get directory(): string {
    return this.#options.location;
  }

  async open(options: AbortOptions = {}): Promise<void> {
    const { location, createIfMissing = true } = this.#options;
    if (this.#handle.opened !== null) return;
    const mark = new HighWater(location);
    const contents = await openDatabase(location, createIfMissing, options.signal);
    const reader = new Reader(contents, null);
    try {
      const { meta, plan } = await this.#handle.guard(async () => {
        const checked = await readMeta(contents, reader, await mark.read(), options.signal);
        await contents.segments.resume(checked.frames);
        await contents.tiles.resume(checked.tiles);
        return checked;
      });
      if (meta.checkpoint.head !== null) await mark.advance(meta.checkpoint.head.height);
      const format = await this.#formatOf(plan);
      this.#handle.open({ contents, reader, mark, meta, plan, format });
      this.#tileMaker.open();
    } catch (error) {
      await closeContents(contents);
      throw error;
    }
  }

  async #formatOf(plan: TilePlan): Promise<Opened['format']> {
    const marker = await readMarker(this.#options.location);
    if (marker?.hasTiles === true) return 'tiles';
    return plan.due(Number.MAX_SAFE_INTEGER) === null ? 'plain' : 'older';
  }

  checkpoint(): Checkpoint {
    return this.#handle.use().meta.checkpoint;
  }

  identity(): ChainIdentity | null {
    return this.#handle.use().meta.identity;
  }

  commit(batch: CommitBatch): Promise<void> {
    const write = (): Promise<void> => this.#writes.run(() => this.#commit(batch));
    return this.#tileMaker.behind?.then(write) ?? write();
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
    const store = this.#handle.writable();
    const { rollbackTo: to } = batch;
    const above = to === null ? null : await this.#handle.above(to);
    const before = store.meta;
    const plan = planCommit(batch, before.checkpoint, before.identity, to);
    const rollbacks = before.rollbacks + (above === null ? 0 : 1);
    const meta: Meta = { ...plan, rollbacks };
    const readState = above === null ? this.#readState : stateBefore(above, this.#readState);
    const next = store.plan.next(dropOf(to, above), batch.blocks.map(cutBlock));
    const layout = layBatch(batch, next);
    const state = await this.#handle.guard(() => stateOperations(batch, meta, readState));
    const placed = placeBatch(store.contents, above?.restored ?? [], layout);
    const operations = [...placed.operations, ...state];
    const write = (): Promise<void> => this.#batch(store, operations, placed);
    if (above === null) await write();
    else {
      operations.unshift(...rollbackOperations(to, above, rollbacks));
      await this.#dropping(store, to, above, write);
    }
    store.meta = meta;
    store.plan.become(next);
    await store.mark.advance(heightOfHead(meta));
    await this.#pruneUndo(store, before.checkpoint.finalized, meta.checkpoint.finalized);
  }

  async #advance(to: CheckpointAdvance): Promise<void> {
    const store = this.#handle.writable();
    const before = store.meta.checkpoint;
    const checkpoint = planAdvance(to, before);
    if (checkpoint.confirmed === before.confirmed && checkpoint.finalized === before.finalized) return;
    const meta = { ...store.meta, checkpoint };
    await this.#batch(store, [metaOperation(meta)]);
    store.meta = meta;
    await this.#pruneUndo(store, before.finalized, checkpoint.finalized);
  }

  async #rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    const store = this.#handle.writable();
    const { checkpoint, identity, rollbacks } = store.meta;
    const above = await this.#handle.above(to);
    if (above === null) return [];
    const meta = { checkpoint: planRollback(to, to, checkpoint), identity, rollbacks: rollbacks + 1 };
    const next = store.plan.next(dropOf(to, above), []);
    const placed = placeBatch(store.contents, above.restored, NO_BLOCKS);
    const operations = [
      ...rollbackOperations(to, above, meta.rollbacks),
      ...placed.operations,
      metaOperation(meta),
    ];
    await this.#dropping(store, to, above, () => this.#batch(store, operations, placed));
    store.meta = meta;
    store.plan.become(next);
    return above.dropped;
  }

  prune(to: BlockRef): Promise<void> {
    return this.#writes.run(async () => {
      const before = await pruneBelow(this.#handle, to);
      const { finalized } = this.checkpoint();
      await this.#pruneUndo(this.#handle.use(), before.finalized, finalized);
    });
  }

  /** Makes a write that drops the blocks above one. */
  async #dropping(
    { mark, reader, contents }: Opened,
    to: BlockRef | null,
    { free }: Dropped,
    write: () => Promise<void>,
  ): Promise<void> {
    const height = to?.height ?? -1;
    await this.#handle.guard(() => mark.lower(height));
    reader.forget();
    await write();
    reader.forget();
    this.#tileMaker.back(height);
    await contents.segments.free(free.frames);
    await contents.tiles.free(free.tiles);
  }

  /** Writes records in one durable batch, and before them what they name. */
  #batch(
    { contents: { db } }: Opened,
    operations: Operation[],
    placed: PlacedBatch | null = null,
  ): Promise<void> {
    return this.#handle.write(async () => {
      if (placed?.hasTiles === true) await this.#handle.markTiles();
      await placed?.write();
      await db.batch(operations, { sync: true });
    });
  }

  header(height: number): Promise<BlockHeader | null> {
    return this.#handle.held(height, (reader) => reader.header(height));
  }

  get(height: number): Promise<Frame | null> {
    return this.#handle.held(height, (reader) => reader.frame(height));
  }

  read(range: BlockRange, options: AbortOptions = {}): AsyncIterable<readonly Frame[]> {
    this.#handle.use();
    return scan(
      this.directory,
      () => this.#handle.use().contents,
      (reader) => reader.frames(range, options),
    );
  }

  async stateAfter(block: BlockRef): Promise<StateReader> {
    const above = await this.#handle.above(block);
    return { getState: above === null ? this.#readState : stateBefore(above, this.#readState) };
  }

  readonly #readState: ReadState = (table, key) => this.getState(table, key);

  async getState(table: StoreTable, key: string): Promise<Uint8Array | null> {
    const what = `value of ${JSON.stringify(key)} in ${table}`;
    return this.#handle.current(({ reader }) => reader.value(stateKey(table, key), what));
  }

  entries(table: StoreTable, options: AbortOptions = {}): AsyncIterable<readonly StateEntry[]> {
    this.#handle.use();
    return scan(
      this.directory,
      () => this.#handle.use().contents,
      (reader) => reader.entries(table, options),
    );
  }

  async cursor(consumer: string): Promise<BlockRef | null> {
    const what = `position of the consumer ${JSON.stringify(consumer)}`;
    const body = await this.#handle.current(({ reader }) => reader.value(cursorKey(consumer), what));
    return body === null ? null : (decodeJson(body) as BlockRef);
  }

  async #setCursor(consumer: string, { height, hash }: BlockRef): Promise<void> {
    const { db } = this.#handle.writable().contents;
    const key = cursorKey(consumer);
    await this.#handle.write(() => db.put(key, sealValue(key, encodeJson({ height, hash }))));
  }

  stage(): Promise<StorageStage> {
    return this.#writes.run(() => this.#handle.guard(() => this.#makeStage()));
  }

  async #makeStage(): Promise<StorageStage> {
    const { contents } = this.#handle.writable();
    if (this.#stage !== null) throw new TypeError('The store has a stage already; close that one first.');
    const location = this.directory;
    await removeLeftovers(location, contents.name);
    this.#stage = new LevelStage(await makeContents(location), {
      location,
      activate: (stage, activation) =>
        this.#writes.run(() => this.#handle.guard(() => this.#activate(stage, activation))),
      released: () => {
        this.#stage = null;
      },
    });
    return this.#stage;
  }

  async #activate(stage: LevelStage, activation: StageActivation): Promise<void> {
    const old = this.#handle.writable();
    await stage.finish({ ...stage.plan(activation), rollbacks: 0 }, old.contents);
    try {
      this.#handle.replace(await switchContents(this.directory, old, stage.contents));
    } catch (error) {
      // Whether the new name of the marker is durable is unknown: what was written now might be lost.
      if (!(await isStillNamed(this.directory, old.contents))) this.#handle.fail(error);
      throw error;
    }
    await retire(this.directory, old.contents);
  }

  view(): Promise<StorageView> {
    return this.#handle.current(({ contents }) => viewOf(this.directory, contents));
  }

  async close(): Promise<void> {
    await this.#tileMaker.close();
    // What was asked for before is done first; that may be another stage.
    do {
      await this.#stage?.close().catch(() => undefined);
      await this.#writes.idle();
    } while (this.#stage !== null);
    const { opened } = this.#handle;
    if (opened === null) return;
    this.#handle.leave();
    await opened.mark.close().catch(() => undefined);
    await this.#handle.guard(() => closeContents(opened.contents));
    if (this.#handle.isWhole) await noteClosed(this.#options.location).catch(() => undefined);
  }

  /** What is final is never undone. Failing here fails the next write, not the commit: that is done. */
  async #pruneUndo({ contents }: Opened, before: BlockRef | null, now: BlockRef | null): Promise<void> {
    if (now === null || now.height === before?.height) return;
    const gte = undoKey(before === null ? 0 : before.height + 1);
    await this.#handle
      .write(() => contents.db.clear({ gte, lte: undoKey(now.height) }))
      .catch(() => undefined);
  }
}
