import type {
  Frame,
  StageActivation,
  StateEntry,
  StateTable,
  StorageStage,
} from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import {
  type CommitResult,
  NOTHING_STAGED,
  planActivation,
  planStaged,
} from '../../src/internal/commit-rules.js';
import { WriteQueue } from '../../src/internal/write-queue.js';
import { BulkWriter } from './bulk-writer.js';
import { removeContents } from './contents.js';
import { closeContents, type Contents } from './database.js';
import { storeError } from './errors.js';
import { CURSOR_BOUNDS } from './keys.js';
import type { Meta } from './records.js';

/** The store of a stage. */
export interface StageHost {
  readonly location: string;
  /** Puts the staged contents in the place of the store's. */
  activate(stage: LevelStage, activation: StageActivation): Promise<void>;
  /** Tells that the stage is over. */
  released(): void;
}

/** New contents in a directory of their own beside the store's. */
export class LevelStage implements StorageStage {
  readonly contents: Contents;
  readonly #host: StageHost;
  readonly #bulk: BulkWriter;
  /** One call at a time; `close` waits for the one under way. */
  readonly #calls = new WriteQueue();
  #staged = NOTHING_STAGED;
  #isOver = false;
  /** Why the contents can't be completed any more. */
  #failure: SyncError | null = null;

  constructor(contents: Contents, host: StageHost) {
    this.contents = contents;
    this.#host = host;
    this.#bulk = new BulkWriter(contents);
  }

  putState(table: StateTable, entries: readonly StateEntry[]): Promise<void> {
    return this.#call(() => this.#write(() => this.#bulk.state(table, entries)));
  }

  putBlocks(frames: readonly Frame[]): Promise<void> {
    return this.#call(async () => {
      const staged = planStaged(frames, this.#staged);
      await this.#write(() => this.#bulk.blocks(frames));
      this.#staged = staged;
    });
  }

  activate(activation: StageActivation): Promise<void> {
    return this.#call(async () => {
      await this.#host.activate(this, activation);
      this.#isOver = true;
      this.#host.released();
    });
  }

  /** What the store becomes. @throws SyncError `STORE_GAP` */
  plan(activation: StageActivation): CommitResult {
    return planActivation(activation, this.#staged);
  }

  /** Writes the last records, among them the consumers' positions of the old contents. */
  async finish(meta: Meta, old: Contents): Promise<void> {
    await this.#write(() => this.#bulk.finish(meta, old.db.iterator(CURSOR_BOUNDS)));
  }

  close(): Promise<void> {
    return this.#calls.run(async () => {
      if (this.#isOver) return;
      this.#isOver = true;
      try {
        await closeContents(this.contents);
        await removeContents(this.#host.location, this.contents.name);
      } catch (error) {
        throw storeError(error, this.#host.location);
      } finally {
        this.#host.released();
      }
    });
  }

  #call(step: () => Promise<void>): Promise<void> {
    return this.#calls.run(() => {
      if (this.#isOver) throw new SyncError('STORE_CLOSED', 'The stage of the store is closed.');
      if (this.#failure === null) return step();
      const message = `An earlier write of the new contents failed, so begin them again: ${this.#failure.message}`;
      throw new SyncError(this.#failure.code, message, { cause: this.#failure });
    });
  }

  async #write(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#failure = storeError(error, this.#host.location);
      throw this.#failure;
    }
  }
}
