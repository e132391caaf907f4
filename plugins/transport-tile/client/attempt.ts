import type { TransportDeps, VerifiedTile, VerifyTile } from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { raceAbort } from '../../../src/internal/abort.js';
import { LinkedAbort } from '../../../src/internal/linked-abort.js';
import { mayBeCached } from './file.js';
import type { Source } from './source.js';
import { checkStillNamed } from './still-named.js';
import { fetchBody, type PlannedTile } from './tile-file.js';

/** What the attempts of one download share. */
export interface AttemptContext {
  readonly deps: TransportDeps;
  readonly verify: VerifyTile;
  readonly signal: AbortSignal;
  /** Takes on work that goes on beside. */
  readonly spawn: (work: Promise<void>) => void;
}

/** How an attempt ended. */
export type AttemptEnd =
  { readonly tile: VerifiedTile; readonly ms: number; readonly bytes: number } | { readonly error: unknown };

/** The fetching of one tile from one peer, and its verification. */
export class Attempt {
  readonly source: Source;
  /** By `performance.now()`. */
  readonly startedAt = performance.now();
  readonly #context: AttemptContext;
  readonly #planned: PlannedTile;
  readonly #abort: LinkedAbort;
  #progressAt: number | null = this.startedAt;
  #isCancelled = false;

  /** @param onEnd - called once at the end, but not any more once it was cancelled. */
  constructor(
    context: AttemptContext,
    planned: PlannedTile,
    source: Source,
    onEnd: (end: AttemptEnd) => void,
  ) {
    this.#context = context;
    this.#planned = planned;
    this.source = source;
    this.#abort = new LinkedAbort(context.signal);
    context.spawn(
      this.#run().then((end) => {
        if (!this.#isCancelled) onEnd(end);
      }),
    );
  }

  /** When something came last, by `performance.now()`; at first, when it was begun; `null` once all is here. */
  get progressAt(): number | null {
    return this.#progressAt;
  }

  /** Ends the request. */
  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#abort.abort(new SyncError('ABORTED', 'The tile is not needed from this peer any more.'));
  }

  async #run(): Promise<AttemptEnd> {
    const { source } = this;
    source.busy++;
    try {
      return await this.#bring(false);
    } catch (error) {
      return { error };
    } finally {
      source.busy--;
      this.#abort.release();
    }
  }

  /** What came false may be in a cache on the way, of which the peer knows nothing: it is asked once more, past those. */
  async #bring(isFresh: boolean): Promise<AttemptEnd> {
    const codec = this.source.codecOf(this.#planned.entry);
    try {
      return await this.#fetch(codec, isFresh);
    } catch (error) {
      if (!isFresh && mayBeCached(error)) return this.#bring(true);
      if (isSyncError(error, 'PEER_INCONSISTENT') && this.source.lacks(codec)) return this.#bring(false);
      if (isSyncError(error, 'PEER_INCONSISTENT'))
        await checkStillNamed(this.#context.deps, this.source.peer, this.#planned, this.#abort.signal);
      throw error;
    }
  }

  async #fetch(codec: string, isFresh: boolean): Promise<AttemptEnd> {
    const { deps, verify } = this.#context;
    const { signal } = this.#abort;
    const { peer } = this.source;
    const began = performance.now();
    this.#progressAt = began;
    const onBytes = (): void => {
      this.#progressAt = performance.now();
    };
    const body = await fetchBody(deps, { ...this.#planned, peer, codec, isFresh }, onBytes, signal);
    const ms = performance.now() - began;
    this.#progressAt = null;
    const tile = await raceAbort(verify(this.#planned.entry, body, { signal, codec }), signal);
    return { tile, ms, bytes: body.byteLength };
  }
}
