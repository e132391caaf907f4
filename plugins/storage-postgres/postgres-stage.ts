import type {
  Frame,
  StageActivation,
  StateEntry,
  StateTable,
  StorageStage,
} from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { NOTHING_STAGED, planActivation, planStaged } from '../../src/internal/commit-rules.js';
import { insertBlocks } from './block-rows.js';
import type { Tables } from './schema.js';
import { insertEntries } from './state-rows.js';
import type { Writer } from './writer.js';

/** The store of a stage. */
export interface StageHost {
  readonly tables: Tables;
  readonly writer: Writer;
  /** Runs a write when those before have ended. */
  queued(write: () => Promise<void>): Promise<void>;
  /** Tells that the stage is over. */
  released(): void;
}

/** New contents in rows of a generation of their own. */
export class PostgresStage implements StorageStage {
  readonly #host: StageHost;
  readonly #gen: number;
  #staged = NOTHING_STAGED;
  #isOver = false;

  constructor(host: StageHost, gen: number) {
    this.#host = host;
    this.#gen = gen;
  }

  putState(table: StateTable, entries: readonly StateEntry[]): Promise<void> {
    return this.#call(async ({ tables, writer }) => {
      const place = { store: writer.moment.store, gen: this.#gen };
      await writer.write({}, (run) => insertEntries(run, tables, place, { table, entries }));
    });
  }

  putBlocks(frames: readonly Frame[]): Promise<void> {
    return this.#call(async ({ tables, writer }) => {
      const staged = planStaged(frames, this.#staged);
      const { store } = writer.moment;
      await writer.write({}, (run, version) =>
        insertBlocks(run, tables, { store, gen: this.#gen, version }, frames),
      );
      this.#staged = staged;
    });
  }

  activate(activation: StageActivation): Promise<void> {
    return this.#call(async ({ writer }) => {
      const plan = planActivation(activation, this.#staged);
      await writer.write({ ...plan, gen: this.#gen }, () => Promise.resolve());
      this.#end();
    });
  }

  close(): Promise<void> {
    if (!this.#isOver) this.#end();
    return Promise.resolve();
  }

  #end(): void {
    this.#isOver = true;
    this.#host.released();
  }

  #call(step: (host: StageHost) => Promise<void>): Promise<void> {
    return this.#host.queued(async () => {
      if (this.#isOver) throw new SyncError('STORE_CLOSED', 'The stage of the store is closed.');
      await step(this.#host);
    });
  }
}

/** Takes a number for a new generation. */
export async function newGeneration(writer: Writer, tables: Tables): Promise<number> {
  let taken = 0;
  await writer.write({}, async (run) => {
    const sql = `update ${tables.store} set next_gen = next_gen + 1 where id = $1 returning next_gen - 1 as taken`;
    const [row] = await run<{ readonly taken: number }>(sql, [writer.moment.store]);
    taken = row?.taken ?? 0;
  });
  return taken;
}
