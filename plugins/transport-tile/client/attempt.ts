import type { TransportDeps, VerifiedTile, VerifyTile } from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { raceAbort } from '../../../src/internal/abort.js';
import { LinkedAbort } from '../../../src/internal/linked-abort.js';
import { mayBeCached } from './file.js';
import { type PartialBody, ReceivedBody } from './partial-body.js';
import type { Source } from './source.js';
import { checkStillNamed } from './still-named.js';
import { fetchBody, type PlannedTile, type TileRequest } from './tile-file.js';

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
  /** `bytes`: those of the body that this attempt fetched. */
  { readonly tile: VerifiedTile; readonly ms: number; readonly bytes: number } | { readonly error: unknown };

/** The fetching of one tile from one peer, and its verification. */
export class Attempt {
  readonly source: Source;
  /** By `performance.now()`. */
  readonly startedAt = performance.now();
  readonly #context: AttemptContext;
  readonly #planned: PlannedTile;
  readonly #abort: LinkedAbort;
  #received: ReceivedBody | null = null;
  #progressAt: number | null = this.startedAt;
  #isCancelled = false;

  /**
   * @param partial - what is here of it, of the same peer.
   * @param onEnd - called once at the end, but not any more once it was cancelled.
   */
  constructor(
    context: AttemptContext,
    planned: PlannedTile,
    { source, partial }: { readonly source: Source; readonly partial: PartialBody | null },
    onEnd: (end: AttemptEnd) => void,
  ) {
    this.#context = context;
    this.#planned = planned;
    this.source = source;
    this.#abort = new LinkedAbort(context.signal);
    context.spawn(
      this.#run(partial).then((end) => {
        if (!this.#isCancelled) onEnd(end);
      }),
    );
  }

  /** When something came last, by `performance.now()`; at first, when it was begun; `null` once all is here. */
  get progressAt(): number | null {
    return this.#progressAt;
  }

  /** What came so far, to go on from; `null` where the rest can't be asked for by itself. */
  get partial(): PartialBody | null {
    return this.#received?.partial ?? null;
  }

  /** Ends the request. */
  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#abort.abort(new SyncError('ABORTED', 'The tile is not needed from this peer any more.'));
  }

  async #run(partial: PartialBody | null): Promise<AttemptEnd> {
    const { source } = this;
    source.busy++;
    try {
      return await this.#bring({ isFresh: false, partial });
    } catch (error) {
      return { error };
    } finally {
      source.busy--;
      this.#abort.release();
    }
  }

  /** What came false may be in a cache on the way, of which the peer knows nothing: it is asked once more, past those. */
  async #bring(how: Pick<TileRequest, 'isFresh' | 'partial'>): Promise<AttemptEnd> {
    try {
      return await this.#fetch(how);
    } catch (error) {
      if (!how.isFresh && mayBeCached(error)) return this.#bring({ isFresh: true, partial: null });
      if (isSyncError(error, 'PEER_INCONSISTENT'))
        await checkStillNamed(this.#context.deps, this.source.peer, this.#planned, this.#abort.signal);
      throw error;
    }
  }

  async #fetch({ isFresh, partial }: Pick<TileRequest, 'isFresh' | 'partial'>): Promise<AttemptEnd> {
    const { deps, verify } = this.#context;
    const { signal } = this.#abort;
    const { peer } = this.source;
    const received = new ReceivedBody(peer, partial);
    // What is asked for past caches is not gone on with: the next request may be answered by the cache again.
    this.#received = isFresh ? null : received;
    const began = performance.now();
    this.#progressAt = began;
    const onBytes = (): void => {
      this.#progressAt = performance.now();
    };
    const request = { ...this.#planned, peer, isFresh, partial };
    const body = await fetchBody(deps, request, received, onBytes, signal);
    const ms = performance.now() - began;
    this.#progressAt = null;
    const tile = await raceAbort(verify(this.#planned.entry, body, { signal }), signal);
    return { tile, ms, bytes: received.fetched };
  }
}
