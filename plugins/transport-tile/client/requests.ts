import type { TransportDeps, VerifyTile } from '../../../src/contracts/index.js';
import { isSyncError } from '../../../src/errors/index.js';
import { Attempt, type AttemptEnd } from './attempt.js';
import { Pace } from './pace.js';
import type { Slot } from './slot.js';
import type { Source } from './source.js';
import type { Sources } from './sources.js';

/** Requests that may be begun for one tile because those before take too long. The last ones end by the limits of time. */
const MAX_BEGUN = 6;
/** As many as may be begun where the next one goes to a peer that is not asked: others may be known only later. */
const MAX_BEGUN_ELSEWHERE = 2 * MAX_BEGUN;

/** What requests work with. */
export interface RequestsSetup {
  readonly deps: TransportDeps;
  readonly verify: VerifyTile;
  readonly sources: Sources;
  readonly hedgeAfterMs: number;
  readonly signal: AbortSignal;
  /** Takes on work that goes on beside. */
  readonly spawn: (work: Promise<void>) => void;
  /** Called when a request has ended, and what it means is drawn. */
  readonly onEnd: () => void;
  /** Takes what ends the whole download. */
  readonly onFailure: (error: Error) => void;
}

/** The requests of one download: who is asked for which tile, how often, and who is to blame. */
export class Requests {
  readonly #setup: RequestsSetup;
  readonly #pace: Pace;

  constructor(setup: RequestsSetup) {
    this.#setup = setup;
    this.#pace = new Pace(setup.hedgeAfterMs);
  }

  /** Asks whoever is best for a tile that is due. @returns whether there is somebody */
  begin(slot: Slot): boolean {
    const { sources, onFailure } = this.#setup;
    const { entry } = slot.planned;
    const source = sources.next(entry);
    if (source !== null) {
      this.#ask(slot, source);
      return true;
    }
    const error = sources.whyNone(entry);
    if (error !== null) onFailure(error);
    return false;
  }

  /**
   * Has another peer bring a tile as well that takes too long, or the only one over another connection.
   *
   * @param dueAt - since when the reader waits for it, by `performance.now()`.
   */
  hedge(slot: Slot, dueAt: number): void {
    const { attempts, planned } = slot;
    const newest = attempts.at(-1);
    if (newest === undefined) return;
    const { startedAt, progressAt, source } = newest;
    const bytes = source.bytesOf(planned.entry);
    const since = source.isResting ? null : Math.max(dueAt, startedAt);
    if (!this.#pace.isTooLong({ startedAt, progressAt, dueAt: since, bytes })) return;
    const instead = this.#setup.sources.instead(source, planned.entry);
    if (instead === null) return;
    const isAsked = attempts.some((each) => each.source === instead);
    if (slot.begun >= (isAsked ? MAX_BEGUN : MAX_BEGUN_ELSEWHERE)) return;
    const [oldest] = attempts;
    if (oldest !== undefined && oldest !== newest) {
      oldest.cancel();
      slot.drop(oldest);
    }
    this.#ask(slot, instead);
  }

  #ask(slot: Slot, source: Source): void {
    const partial = slot.partialOf(source.peer);
    const attempt = new Attempt(this.#setup, slot.planned, { source, partial }, (end) => {
      if ('tile' in end) this.#brought(slot, attempt, end);
      else this.#judge(attempt, { error: end.error, hasMore: slot.drop(attempt) });
      this.#setup.onEnd();
    });
    slot.begin(attempt);
  }

  #brought(slot: Slot, attempt: Attempt, { tile, bytes, ms }: Extract<AttemptEnd, { tile: unknown }>): void {
    const { source, startedAt } = attempt;
    source.worked(bytes, ms);
    this.#pace.measured(bytes, ms);
    for (const other of slot.verified(attempt, { tile, peer: source.peer, receivedBytes: bytes })) {
      if (other.source !== source && other.startedAt < startedAt) other.source.overtaken();
      other.cancel();
    }
  }

  #judge(
    { source, startedAt }: Attempt,
    { error, hasMore }: { readonly error: unknown; readonly hasMore: boolean },
  ): void {
    const { sources, signal, onFailure } = this.#setup;
    if (signal.aborted) return;
    if (!isSyncError(error)) {
      onFailure(error as Error);
      return;
    }
    // A peer that does not have what it says it has won't have it a moment later.
    const mayPass = error.info.retryable && error.code !== 'PEER_INCONSISTENT';
    if (mayPass && !source.stumbled(error, { startedAt, hasMore })) return;
    const out = sources.fail(source, error);
    if (source.asked && error.info.provesLie) onFailure(out);
  }
}
