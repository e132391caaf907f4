import { isSyncError } from '../../src/errors/index.js';
import type { Database } from './database.js';
import {
  dropBlocksOf,
  dropDeadBlocks,
  dropDeadChanges,
  dropDeadTiles,
  dropReplaced,
  dropStateOf,
  dropTiledBlocks,
  dropTilesOf,
  generationAfter,
  type Step,
} from './dead-rows.js';
import { isPassing } from './errors.js';
import { Retention } from './retention.js';
import type { Tables } from './schema.js';
import type { Moment } from './store-row.js';
import type { Writer } from './writer.js';

/** Longest pause between two purges, and the shortest. */
const PAUSE_MS = { longest: 60_000, shortest: 250 };

/** What a purger needs. */
export interface PurgerParts {
  readonly database: Database;
  readonly tables: Tables;
  readonly writer: Writer;
  readonly retainMs: number;
  /** Runs a write when those before have ended. */
  queued<T>(write: () => Promise<T>): Promise<T>;
  /** The generation that is being staged; `null` while there is none. */
  staged(): number | null;
}

/**
 * Removes rows that are not visible any more, once they are old enough: dropped blocks, values of the state that a final
 * block replaced, and older generations. It goes in steps of a few MiB, each in a transaction between two writes.
 */
export class Purger {
  readonly retention: Retention;
  readonly #parts: PurgerParts;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | null = null;
  #isStopped = false;
  /** Version up to which all is removed. */
  #done = -1;

  constructor(parts: PurgerParts) {
    this.#parts = parts;
    this.retention = new Retention(parts.retainMs);
    this.retention.note(parts.writer.moment, performance.now());
    const pauseMs = Math.min(Math.max(parts.retainMs / 10, PAUSE_MS.shortest), PAUSE_MS.longest);
    this.#timer = setInterval(() => {
      this.#running ??= this.#purge().finally(() => {
        this.#running = null;
      });
    }, pauseMs);
    this.#timer.unref();
  }

  /** Ends after the step that is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  async #purge(): Promise<void> {
    const { writer } = this.#parts;
    const now = performance.now();
    this.retention.note(writer.moment, now);
    const horizon = this.retention.horizon(now);
    if (horizon === null || horizon.version === this.#done) return;
    try {
      await this.#purgeUpTo(horizon);
      if (!this.#isStopped) this.#done = horizon.version;
    } catch (error) {
      // The server is away, or another writer has taken over, which the next write finds out.
      if (isPassing(error) || isSyncError(error)) return;
      const message = `Rows that are not used any more could not be removed: ${String(error)}`;
      process.emitWarning(message, 'BlockferryNotice');
    }
  }

  async #purgeUpTo(horizon: Moment): Promise<void> {
    const { tables } = this.#parts;
    await this.#all(horizon, dropDeadBlocks(tables, horizon));
    await this.#all(horizon, dropDeadTiles(tables, horizon));
    await this.#all(horizon, dropTiledBlocks(tables, horizon));
    await this.#all(horizon, dropDeadChanges(tables, horizon));
    await this.#all(horizon, dropReplaced(tables, horizon));
    await this.#purgeGenerations(horizon);
  }

  async #purgeGenerations(horizon: Moment): Promise<void> {
    const { database, tables } = this.#parts;
    const { store } = horizon;
    let gen: number | null = -1;
    while (!this.#isStopped) {
      const after: number = gen;
      gen = await database.reading((run) => generationAfter(run, tables, store, after));
      if (gen === null) return;
      if (gen === horizon.gen) continue;
      const unlessStaged =
        (step: Step, of: number): Step =>
        (run) =>
          of === this.#parts.staged() ? Promise.resolve(false) : step(run);
      await this.#all(horizon, unlessStaged(dropBlocksOf(tables, store, gen), gen));
      await this.#all(horizon, unlessStaged(dropTilesOf(tables, store, gen), gen));
      await this.#all(horizon, unlessStaged(dropStateOf(tables, store, gen), gen));
    }
  }

  /** Takes a step until there is no more to do; it fails once the store has other contents. */
  async #all({ version, gen }: Moment, step: Step): Promise<void> {
    const { writer } = this.#parts;
    for (let isMore = true; isMore && !this.#isStopped;)
      isMore = await this.#parts.queued(() => writer.tidy({ version, gen }, step));
  }
}
