import type { StreamRequest, TransportDeps } from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { LinkedAbort } from '../../../src/internal/linked-abort.js';
import { WakeUp } from '../../../src/internal/wake-up.js';
import type { Budget } from './budget.js';
import type { RangeQuery } from './http.js';
import { RangeReader, type RangeBatch } from './range-reader.js';
import type { Source } from './source.js';

/** What the attempts of one download share. */
export interface AttemptContext {
  readonly deps: TransportDeps;
  readonly describe: StreamRequest['describe'];
  readonly budget: Budget;
  readonly signal: AbortSignal;
  /** Attempts that are not over. */
  readonly running: Set<Promise<void>>;
}

/** What is to be fetched, and from whom. */
export interface AttemptSetup extends Omit<RangeQuery, 'peer' | 'frames'> {
  readonly source: Source;
  /** Who sent the block that `parentHash` is of; `null` when it is the client's own. */
  readonly basis: Source | null;
}

/** What a block costs beside its bytes, about: many tiny ones are bounded too. */
const BLOCK_COST_BYTES = 256;

/** Blocks of one read. */
export interface Piece extends RangeBatch {
  /** What holding them costs, in bytes. */
  readonly cost: number;
  /** Height of the first block. */
  readonly height: number;
  readonly source: Source;
}

/** Cuts of one range after which it is asked for again from where it was cut, each after at least one new block. */
const MAX_RESUMES = 3;

/**
 * The fetching of one range, or of what is missing of it, from one peer. It reads ahead as long as the budget lasts;
 * where it is the range's turn it may always hold one read, so that the whole never stands still.
 */
export class Attempt {
  readonly setup: AttemptSetup;
  readonly #context: AttemptContext;
  readonly #onChange: (attempt: Attempt) => void;
  readonly #pieces: Piece[] = [];
  readonly #room = new WakeUp();
  readonly #abort: LinkedAbort;
  #turn = false;
  #cancelled = false;
  #next: number;
  #received: number;
  #ignoresRange = false;
  #ended = false;
  #failure: Error | null = null;
  #resumes = 0;
  #bytes = 0;
  #readingMs = 0;
  #progressAt = performance.now();

  /** @param onChange - called after each read and at the end, but not any more once it was cancelled. */
  constructor(context: AttemptContext, setup: AttemptSetup, onChange: (attempt: Attempt) => void) {
    this.#context = context;
    this.setup = setup;
    this.#onChange = onChange;
    this.#abort = new LinkedAbort(context.signal);
    this.#next = setup.from;
    this.#received = setup.from;
    const settled = this.#run().finally(() => context.running.delete(settled));
    context.running.add(settled);
  }

  get source(): Source {
    return this.setup.source;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get failure(): Error | null {
    return this.#failure;
  }

  /** Height behind the last block that came. */
  get received(): number {
    return this.#received;
  }

  /** Whether the peer sent a file with more than what was asked for. */
  get ignoresRange(): boolean {
    return this.#ignoresRange;
  }

  /** When something came last, by `performance.now()`; at first, when it was begun. */
  get progressAt(): number {
    return this.#progressAt;
  }

  /** Bytes per second of the time it waited for the peer; `null` while nothing can be said. */
  get rate(): number | null {
    return this.#bytes === 0 ? null : (this.#bytes * 1000) / Math.max(1, this.#readingMs);
  }

  /** It is this range's turn to be delivered. */
  begin(): void {
    this.#turn = true;
    this.#room.notify();
  }

  /** The next blocks, when they have come. */
  shift(): Piece | null {
    const piece = this.#pieces.shift() ?? null;
    if (piece !== null) this.#context.budget.release(piece.cost);
    return piece;
  }

  /** Ends the request and drops what came. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#abort.abort(new SyncError('ABORTED', 'The range is not needed from this peer any more.'));
    while (this.shift() !== null);
  }

  async #run(): Promise<void> {
    const unwatch = this.#context.budget.watch(() => {
      this.#room.notify();
    });
    this.source.busy++;
    try {
      await this.#read();
    } catch (error) {
      this.#failure = error as Error;
    } finally {
      if (this.#bytes > 0) this.source.measured(this.#bytes, this.#readingMs);
      this.source.busy--;
      this.#abort.release();
      unwatch();
      this.#ended = true;
      this.#changed();
    }
  }

  async #read(): Promise<void> {
    let since = performance.now();
    for await (const batch of this.#fetch()) {
      if (this.#cancelled) return;
      this.#measure(batch.bytes, performance.now() - since);
      const cost = batch.bytes + batch.blocks.length * BLOCK_COST_BYTES;
      this.#context.budget.take(cost);
      const height = this.#received;
      const blocks = this.#wanted(batch.blocks);
      this.#received += blocks.length;
      this.#pieces.push({ ...batch, blocks, cost, height, source: this.source });
      this.#changed();
      await this.#mayRead();
      since = performance.now();
    }
  }

  /** Only the peer that was asked may be a plain server, whose file goes on behind the range. */
  #wanted(blocks: readonly Uint8Array[]): readonly Uint8Array[] {
    const { source, to } = this.setup;
    return source.asked ? blocks : blocks.slice(0, to + 1 - this.#received);
  }

  #measure(bytes: number, ms: number): void {
    this.#bytes += bytes;
    this.#readingMs += ms;
    this.#progressAt = performance.now();
  }

  #changed(): void {
    if (!this.#cancelled) this.#onChange(this);
  }

  async #mayRead(): Promise<void> {
    while (this.#context.budget.full && !(this.#turn && this.#pieces.length === 0)) {
      await this.#room.wait(this.#abort.signal);
    }
  }

  async *#fetch(): AsyncGenerator<RangeBatch, void, undefined> {
    const { deps, describe } = this.#context;
    const { source, to: end } = this.setup;
    let { parentHash } = this.setup;
    while (!this.#ignoresRange && this.#next <= end) {
      const to = Math.min(end, this.#next + source.maxRange - 1);
      const query = { peer: source.peer, from: this.#next, to, parentHash, frames: source.frames };
      const reader = new RangeReader(deps, query, describe);
      const failure = yield* caught(reader.batches(this.#abort.signal));
      const { next, ignoresRange } = reader.place;
      this.#next = next;
      this.#ignoresRange = ignoresRange;
      if (next > query.from) parentHash = reader.lastHeader?.hash ?? null;
      if (failure !== null && !(await this.#goesOn(failure, query, next))) throw failure;
      if (failure === null && next <= to) break;
    }
    this.#checkWhole();
  }

  /** The others are only asked for what they say they have. */
  #checkWhole(): void {
    const { source, from, to } = this.setup;
    if (source.asked) return;
    const what = `the range from ${from} to ${to}`;
    if (this.#ignoresRange) throw new SyncError('PROTOCOL_VIOLATION', `The answer has more than ${what}.`);
    if (this.#next > to) return;
    const message = `The answer to ${what} ended before block ${this.#next}, which the peer said it has.`;
    throw new SyncError('STREAM_TRUNCATED', message, { height: this.#next });
  }

  /** Whether a failed request is to be followed by another one for what is missing. */
  async #goesOn(failure: Error, { from, to }: RangeQuery, next: number): Promise<boolean> {
    const { source } = this.setup;
    if (this.#ignoresRange || this.#cancelled) return false;
    if (isSyncError(failure, 'STREAM_TRUNCATED')) return next > from && this.#resumes++ < MAX_RESUMES;
    if (isSyncError(failure, 'RANGE_TOO_LARGE') && to > from) {
      source.maxRange = Math.min(source.maxRange, Math.ceil((to - from + 1) / 2));
      return true;
    }
    if (!isSyncError(failure, 'PEER_BUSY') || this.#turn) return false;
    source.most = 1;
    while (!this.#hasTurn) await this.#room.wait(this.#abort.signal);
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
