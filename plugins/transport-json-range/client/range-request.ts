import type { BlockHeader, StreamRequest, TransportDeps } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { LinkedAbort } from '../../../src/internal/linked-abort.js';
import type { RangeQuery } from './http.js';
import { type RangeBatch, RangeReader } from './range-reader.js';

/** What came next of a request. */
export type Step = { readonly by: RangeRequest } & (
  | { readonly kind: 'batch'; readonly batch: RangeBatch }
  | { readonly kind: 'end' }
  | { readonly kind: 'failure'; readonly error: Error }
);

/** One request for a range, whose answer is read when it is waited for. Must be closed. */
export class RangeRequest {
  readonly #query: RangeQuery;
  readonly #reader: RangeReader;
  readonly #abort: LinkedAbort;
  readonly #batches: AsyncGenerator<RangeBatch, void, undefined>;
  #next: Promise<Step> | null = null;

  constructor(
    deps: TransportDeps,
    describe: StreamRequest['describe'],
    query: RangeQuery,
    signal: AbortSignal,
  ) {
    this.#query = query;
    this.#abort = new LinkedAbort(signal);
    this.#reader = new RangeReader(deps, query, describe);
    this.#batches = this.#reader.batches(this.#abort.signal);
  }

  /** How long its peer was asked to wait before it answers, in milliseconds. */
  get waitMs(): number {
    return this.#query.waitSeconds * 1_000;
  }

  /** Whether it has brought a block. */
  get hasBrought(): boolean {
    return this.#reader.place.next > this.#query.from;
  }

  /** Whether the peer sends a file with more than what was asked for. */
  get ignoresRange(): boolean {
    return this.#reader.place.ignoresRange;
  }

  /** What is missing behind the last whole block; `null` for nothing, and where the peer does not heed ranges. */
  get rest(): RangeQuery | null {
    const { next: from } = this.#reader.place;
    if (this.ignoresRange || from > this.#query.to) return null;
    if (!this.hasBrought) return this.#query;
    const last: BlockHeader | null = this.#reader.lastHeader;
    return { ...this.#query, from, parentHash: last?.hash ?? null };
  }

  /** What comes next: the same until it is taken, however often it is waited for. Never rejects. */
  next(): Promise<Step> {
    this.#next ??= this.#batches.next().then(
      ({ done, value }): Step =>
        done === true ? { by: this, kind: 'end' } : { by: this, kind: 'batch', batch: value },
      (error: unknown): Step => ({ by: this, kind: 'failure', error: error as Error }),
    );
    return this.#next;
  }

  /** What came was looked at: the next wait is for what follows it. */
  take(): void {
    this.#next = null;
  }

  /** Ends the request. */
  async close(): Promise<void> {
    this.#abort.release();
    this.#abort.abort(new SyncError('ABORTED', 'The range is not needed from this request any more.'));
    await this.#next;
    await this.#batches.return();
  }
}
