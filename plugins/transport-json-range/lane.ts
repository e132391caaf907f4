import type { StreamRequest, TransportDeps } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { Signal } from '../../src/internal/signal.js';
import type { Budget } from './budget.js';
import type { RangeQuery } from './http.js';
import { headerOf } from './placement.js';
import { RangeReader, type RangeBatch } from './range-reader.js';

/** What all lanes of one download share. */
export interface LaneContext {
  readonly deps: TransportDeps;
  readonly describe: StreamRequest['describe'];
  readonly budget: Budget;
  readonly signal: AbortSignal;
  /** Most blocks of one request; a peer that refuses a range lowers it. */
  maxRange: number;
  /** Ranges fetched at once; a peer that is busy lowers it. */
  parallel: number;
}

/** Cuts of one range after which it is asked for again from where it was cut, each after at least one new block. */
const MAX_RESUMES = 3;

/**
 * One range that is fetched while the ones before it are still being delivered. It reads ahead as long as the budget
 * lasts; the lane whose turn it is may always hold one read, so that the whole never stands still.
 */
export class Lane {
  /** Resolves when nothing of the lane is under way any more. */
  readonly settled: Promise<void>;
  readonly #context: LaneContext;
  readonly #query: RangeQuery;
  readonly #batches: RangeBatch[] = [];
  readonly #filled = new Signal();
  readonly #room = new Signal();
  #turn = false;
  #next: number;
  #ignoresRange = false;
  #ended = false;
  #failure: unknown = null;
  #resumes = 0;

  constructor(context: LaneContext, query: RangeQuery) {
    this.#context = context;
    this.#query = query;
    this.#next = query.from;
    this.settled = this.#run();
  }

  /** Whether the peer has nothing behind what this lane brought: it was less than asked for, or a whole file. */
  get last(): boolean {
    return this.#ignoresRange || this.#next <= this.#query.to;
  }

  /** It is this lane's turn to be delivered. */
  begin(): void {
    this.#turn = true;
    this.#room.notify();
  }

  /** The next batch; `null` after the last one. @throws SyncError when the range failed behind what was delivered */
  async take(): Promise<RangeBatch | null> {
    for (;;) {
      const batch = this.#batches.shift();
      if (batch !== undefined) {
        this.#context.budget.release(batch.bytes);
        return batch;
      }
      if (this.#failure !== null) throw this.#failure as Error;
      if (this.#ended) return null;
      await this.#filled.wait(this.#context.signal);
    }
  }

  async #run(): Promise<void> {
    const { budget } = this.#context;
    const unwatch = budget.watch(() => {
      this.#room.notify();
    });
    try {
      for await (const batch of this.#fetch()) {
        budget.take(batch.bytes);
        this.#batches.push(batch);
        this.#filled.notify();
        await this.#mayRead();
      }
    } catch (error) {
      this.#failure = error;
    } finally {
      unwatch();
      this.#ended = true;
      this.#filled.notify();
    }
  }

  async #mayRead(): Promise<void> {
    while (this.#context.budget.full && !(this.#turn && this.#batches.length === 0)) {
      await this.#room.wait(this.#context.signal);
    }
  }

  async *#fetch(): AsyncGenerator<RangeBatch, void, undefined> {
    const { deps, describe, signal } = this.#context;
    let { parentHash } = this.#query;
    while (!this.#ignoresRange && this.#next <= this.#query.to) {
      const to = Math.min(this.#query.to, this.#next + this.#context.maxRange - 1);
      const query = { ...this.#query, from: this.#next, to, parentHash };
      const reader = new RangeReader(deps, query, describe);
      const failure = yield* caught(reader.batches(signal));
      const { next, last, ignoresRange } = reader.place;
      this.#next = next;
      this.#ignoresRange = ignoresRange;
      parentHash = (last === null ? null : headerOf(last, describe)?.hash) ?? null;
      if (failure === null && next <= to) return;
      if (failure !== null && !(await this.#goesOn(failure, query, next))) throw failure;
    }
  }

  /** Whether a failed request is to be followed by another one for what is missing. */
  async #goesOn(failure: Error, { from, to }: RangeQuery, next: number): Promise<boolean> {
    if (this.#ignoresRange) return false;
    if (isSyncError(failure, 'STREAM_TRUNCATED')) return next > from && this.#resumes++ < MAX_RESUMES;
    if (isSyncError(failure, 'RANGE_TOO_LARGE') && to > from) {
      this.#context.maxRange = Math.min(this.#context.maxRange, Math.ceil((to - from + 1) / 2));
      return true;
    }
    if (!isSyncError(failure, 'PEER_BUSY') || this.#turn) return false;
    this.#context.parallel = 1;
    while (!this.#hasTurn) await this.#room.wait(this.#context.signal);
    return true;
  }

  get #hasTurn(): boolean {
    return this.#turn;
  }
}

/** The same items; a failure is returned instead of thrown. */
async function* caught<T>(source: AsyncIterable<T>): AsyncGenerator<T, Error | null, undefined> {
  try {
    yield* source;
    return null;
  } catch (error) {
    return error as Error;
  }
}
