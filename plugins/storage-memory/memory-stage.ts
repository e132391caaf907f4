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
import { StateTables } from './state-tables.js';
import { storedBlock, type StoredBlock } from './stored-block.js';

/** The store of a stage. */
export interface StageHost {
  /** Puts the staged contents in the place of the store's. */
  activate(plan: CommitResult, blocks: StoredBlock[], state: StateTables): void;
  /** Tells that the stage is over. */
  released(): void;
}

/** New contents in arrays and maps of their own. */
export class MemoryStage implements StorageStage {
  readonly #host: StageHost;
  readonly #blocks: StoredBlock[] = [];
  readonly #state = new StateTables();
  #staged = NOTHING_STAGED;
  #isOver = false;

  constructor(host: StageHost) {
    this.#host = host;
  }

  putState(table: StateTable, entries: readonly StateEntry[]): Promise<void> {
    return this.#call(() => {
      this.#state.put(table, entries);
    });
  }

  putBlocks(frames: readonly Frame[]): Promise<void> {
    return this.#call(() => {
      this.#staged = planStaged(frames, this.#staged);
      for (const frame of frames) this.#blocks.push(storedBlock(frame, []));
    });
  }

  activate(activation: StageActivation): Promise<void> {
    return this.#call(() => {
      this.#host.activate(planActivation(activation, this.#staged), this.#blocks, this.#state);
      this.#end();
    });
  }

  close(): Promise<void> {
    return run(() => {
      if (!this.#isOver) this.#end();
    });
  }

  #end(): void {
    this.#isOver = true;
    this.#host.released();
  }

  #call(step: () => void): Promise<void> {
    return run(() => {
      if (this.#isOver) throw new SyncError('STORE_CLOSED', 'The stage of the store is closed.');
      step();
    });
  }
}

/** Runs a synchronous step with a promise's way of failing. */
export function run<T>(step: () => T | Promise<T>): Promise<T> {
  return new Promise((resolve) => {
    resolve(step());
  });
}
