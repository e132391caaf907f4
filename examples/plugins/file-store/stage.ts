import {
  type Frame,
  NOTHING_STAGED,
  planActivation,
  planStaged,
  type StageActivation,
  type StateEntry,
  type StateTable,
  type StorageStage,
  SyncError,
} from 'blockferry';
import { emptyMoment, type Moment } from './contents.js';
import type { Journal } from './journal.js';
import { after, blocksSaid, tuplesOf, type Write } from './records.js';

/** The store of a stage. */
export interface StageHost {
  /** Puts the staged contents in the place of the store's, with a last record that says what the store is. */
  activate(moment: Moment, write: Write): Promise<void>;
  /** Tells that the stage is over. */
  over(): void;
}

/** New contents in a journal of their own. */
export class FileStage implements StorageStage {
  readonly #host: StageHost;
  #moment: Moment;
  #staged = NOTHING_STAGED;
  #isOver = false;
  #calls: Promise<unknown> = Promise.resolve();

  constructor(journal: Journal, host: StageHost) {
    this.#moment = emptyMoment(journal);
    this.#host = host;
  }

  putState(table: StateTable, entries: readonly StateEntry[]): Promise<void> {
    const said = tuplesOf(entries.map(({ key, value }) => ({ table, key, value })));
    return this.#call(() => this.#add({ entries: said }, []));
  }

  putBlocks(frames: readonly Frame[]): Promise<void> {
    return this.#call(async () => {
      const staged = planStaged(frames, this.#staged);
      await this.#add({}, frames, staged.base);
      this.#staged = staged;
    });
  }

  activate(activation: StageActivation): Promise<void> {
    return this.#call(async () => {
      const plan = planActivation(activation, this.#staged);
      await this.#host.activate(this.#moment, {
        kind: 'write',
        ...plan,
        above: null,
        blocks: [],
        entries: [],
      });
      this.#end();
    });
  }

  async close(): Promise<void> {
    await this.#calls;
    if (this.#isOver) return;
    this.#end();
    await this.#moment.journal.close();
  }

  #end(): void {
    this.#isOver = true;
    this.#host.over();
  }

  async #add(said: Partial<Write>, frames: readonly Frame[], base = this.#staged.base): Promise<void> {
    const { journal, checkpoint, identity } = this.#moment;
    const blocks = blocksSaid(frames.map((frame) => ({ frame, changes: [] })));
    const write: Write = {
      ...{ kind: 'write', checkpoint: { ...checkpoint, base }, identity, above: null, entries: [] },
      ...said,
      blocks,
    };
    const bytes = Buffer.concat(frames.map((frame) => frame.bytes));
    this.#moment = after(this.#moment, write, await journal.append(JSON.stringify(write), bytes));
  }

  /** One call after the other. */
  #call(step: () => Promise<void>): Promise<void> {
    const call = this.#calls.then(() => {
      if (this.#isOver) throw new SyncError('STORE_CLOSED', 'The stage is over.');
      return step();
    });
    this.#calls = call.catch(() => undefined);
    return call;
  }
}
