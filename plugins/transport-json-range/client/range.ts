import type { StreamRequest, TransportDeps } from '../../../src/contracts/index.js';
import { isSyncError } from '../../../src/errors/index.js';
import { Deferred } from '../../../src/internal/deferred.js';
import { watch } from '../../../src/internal/http/watch.js';
import type { RangeQuery } from './http.js';
import type { Patience } from './patience.js';
import type { RangeBatch } from './range-reader.js';
import { RangeRequest, type Step } from './range-request.js';

/** What the ranges of one download share. */
export interface RangeContext {
  readonly deps: TransportDeps;
  readonly describe: StreamRequest['describe'];
  readonly patience: Patience;
  readonly signal: AbortSignal;
}

/** One request is read; or nothing came of it for a while, and the same was asked for once more on another connection. */
type State =
  | { readonly phase: 'reading'; readonly request: RangeRequest }
  | { readonly phase: 'racing'; readonly request: RangeRequest; readonly hedge: RangeRequest };

/** Cuts of one range after which it is asked for again from where it was cut, each after at least one new block. */
const MAX_RESUMES = 3;

/**
 * One range, by one request at a time: after a cut by another one for what is missing, and by two while the first one
 * is silent, of which the one counts that brings a whole block first.
 */
export class Range {
  readonly #context: RangeContext;
  #state: State;
  #resumes = 0;

  constructor(context: RangeContext, query: RangeQuery) {
    this.#context = context;
    this.#state = { phase: 'reading', request: this.#ask(query) };
  }

  /** Whether the peer sends a file with more than what was asked for. */
  get ignoresRange(): boolean {
    return this.#state.request.ignoresRange;
  }

  /** The next blocks, at least one; `null` at the end. @throws SyncError as {@link RangeReader.batches} does */
  async next(): Promise<RangeBatch | null> {
    for (;;) {
      const step = await this.#step();
      if (step === null) await this.#stalled();
      else if (step.kind === 'failure') {
        if (!(await this.#failed(step.by, step.error))) return null;
      } else {
        step.by.take();
        const blocks = step.kind === 'batch' ? step.batch.blocks.length : null;
        // Bytes of a block that is not whole are a sign of life, and nothing to deliver.
        if (blocks === 0) continue;
        await this.#won(step.by);
        return step.kind === 'batch' ? step.batch : null;
      }
    }
  }

  /** Ends the requests. */
  async close(): Promise<void> {
    const { request } = this.#state;
    if (this.#state.phase === 'racing') await this.#state.hedge.close();
    await request.close();
  }

  /** What came; `null` when nothing did for so long that the peer, or the way to it, may have forgotten the request. */
  async #step(): Promise<Step | null> {
    const { request } = this.#state;
    const steps = [request.next()];
    if (this.#state.phase === 'racing') steps.push(this.#state.hedge.next());
    if (request.rest === null) return Promise.race(steps);
    const silence = new Deferred<null>();
    const stopWatch = watch(this.#context.patience.ms + request.waitMs, () => {
      silence.resolve(null);
    });
    try {
      return await Promise.race([...steps, silence.promise]);
    } finally {
      stopWatch();
    }
  }

  /** The rest is asked for once more; a hedge that is silent too makes room for another one. */
  async #stalled(): Promise<void> {
    await this.#endHedge();
    const { request } = this.#state;
    const { rest } = request;
    if (rest !== null) this.#state = { phase: 'racing', request, hedge: this.#ask(rest) };
  }

  /** One of two has brought something: the other one is not needed any more. */
  async #won(winner: RangeRequest): Promise<void> {
    if (winner === this.#state.request) await this.#endHedge();
    else await this.#goOnWith(winner);
  }

  async #goOnWith(hedge: RangeRequest): Promise<void> {
    const { request } = this.#state;
    this.#state = { phase: 'reading', request: hedge };
    this.#context.patience.rewarded();
    await request.close();
  }

  async #endHedge(): Promise<void> {
    if (this.#state.phase !== 'racing') return;
    const { request, hedge } = this.#state;
    this.#state = { phase: 'reading', request };
    this.#context.patience.inVain();
    await hedge.close();
  }

  /** @returns whether the range goes on. @throws the failure that ends it */
  async #failed(failed: RangeRequest, error: Error): Promise<boolean> {
    if (failed !== this.#state.request) {
      await this.#endHedge();
      return true;
    }
    if (!isSyncError(error, 'STREAM_TRUNCATED') || failed.ignoresRange) throw error;
    if (!failed.hasBrought || this.#resumes++ === MAX_RESUMES) throw error;
    const { rest } = failed;
    if (rest === null) return false;
    if (this.#state.phase === 'racing') await this.#goOnWith(this.#state.hedge);
    else await this.#resume(failed, rest);
    return true;
  }

  async #resume(failed: RangeRequest, rest: RangeQuery): Promise<void> {
    await failed.close();
    this.#state = { phase: 'reading', request: this.#ask(rest) };
  }

  #ask(query: RangeQuery): RangeRequest {
    const { deps, describe, signal } = this.#context;
    return new RangeRequest(deps, describe, query, signal);
  }
}
