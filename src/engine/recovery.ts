import type { Transport } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import type { EngineSettings } from './engine-parts.js';
import type { EventHub } from './events/event-hub.js';
import type { ModeChooser } from './modes.js';
import { consequenceOf, isNamed, isOutage } from './peers/failures.js';
import type { PeerBook } from './peers/peer-book.js';
import type { PeerRecord } from './peers/peer-record.js';
import { noteMute } from './peers/stream-trial.js';
import type { PassingFork } from './session/fact.js';

/** What drawing the consequences of failures works with. */
export interface RecoveryDeps {
  readonly settings: EngineSettings;
  readonly hub: EventHub;
  readonly book: PeerBook;
  readonly chooser: ModeChooser;
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number;
}

/** A connection that failed. */
export interface Failure {
  /** The peer that was connected. */
  readonly record: PeerRecord;
  readonly error: SyncError;
  /** The way that was taken; `null` when it failed before. */
  readonly way: Transport['mode'] | null;
  /** Whether it had brought something before. */
  readonly hasWorked: boolean;
  /** The fork that may pass; `null` when there was none. */
  readonly fork: PassingFork | null;
}

/** Decides after each failure who is asked next, how and when, and tells of it. */
export class Recovery {
  readonly #deps: RecoveryDeps;
  /** Failures in a row without a new block. */
  #failures = 0;
  /** Those of them that `maxAttempts` is for. */
  #counted = 0;
  /** When the first of them came; `null` when there was none. */
  #failingSinceMs: number | null = null;

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
  }

  /** What failed before counts no more. */
  worked(record: PeerRecord): void {
    this.#deps.book.worked(record);
    this.#failures = 0;
    this.#counted = 0;
    this.#failingSinceMs = null;
  }

  /** @throws SyncError the failure, when no peer is left or too many attempts in a row brought nothing. */
  after(failure: Failure): void {
    const { record } = failure;
    const error = failure.error.at({ peer: record.peer.url });
    if (failure.hasWorked) this.worked(record);
    if (error.code === 'STREAM_BUFFERED') noteMute(this.#deps, record);
    if (error.code === 'PEER_BEHIND') this.#turnTo(record, error);
    else this.#recover({ ...failure, error });
  }

  /**
   * Draws the consequence for one peer, and tells of it.
   *
   * @param mayPass - whether asking it again may bring something else.
   * @returns whether it counts as a failure.
   */
  judge(record: PeerRecord, error: SyncError, mayPass = false): boolean {
    const { hub, settings, book, chooser } = this.#deps;
    if (record.dropped !== null) return false;
    const { follow } = settings;
    const hasOthers = book.usable.length > 1;
    const consequence = consequenceOf({ error, follow, hasOthers, mayPass });
    if (consequence === 'unproved' && error.code === 'HEAD_UNPROVED') return this.#unmet(record, error);
    const status = isNamed(error, consequence) ? 'dropped' : 'lost';
    hub.emit({ type: 'peer', peer: record.peer.url, status, error });
    if (consequence === 'drop') book.drop(record, error);
    else if (consequence === 'unproved') book.unproved(record);
    else {
      if (follow && !error.info.retryable) chooser.forgive(record.peer);
      return !book.backOff(record, error, mayPass);
    }
    return true;
  }

  /** A head that was not sent; again and again it is a contradiction. @returns whether it counts as a failure: it does */
  #unmet(record: PeerRecord, cause: SyncError): boolean {
    const { hub, settings, book } = this.#deps;
    const { url } = record.peer;
    if (book.unmet(record, settings.headCheckMs)) {
      hub.emit({ type: 'peer', peer: url, status: 'lost', error: cause });
      return true;
    }
    book.unproved(record);
    const message = `${url} was asked again, and what it sends does not lead to the head that it claims: ${cause.message}`;
    const error = new SyncError('PEER_INCONSISTENT', message, { ...cause.context, peer: url, cause });
    hub.emit({ type: 'peer', peer: url, status: 'dropped', error });
    return true;
  }

  #recover(failure: Failure): void {
    const { book } = this.#deps;
    const { record, error } = failure;
    const blamed = book.find(error.context.peer) ?? record;
    const elsewhere = blamed === record && this.#isWorthAsking(failure);
    // That a peer has only one of the two ways is no failure.
    if (elsewhere && !error.info.retryable) book.prefer(record);
    else this.#turnFrom(blamed, failure, elsewhere);
  }

  #turnFrom(blamed: PeerRecord, failure: Failure, elsewhere: boolean): void {
    const { book } = this.#deps;
    const { record, error } = failure;
    this.#failingSinceMs ??= this.#deps.now();
    if (this.judge(blamed, error, elsewhere || this.#mayPass(failure))) this.#count(error);
    this.#throwIfHopeless(error);
    if (blamed !== record || (elsewhere && this.#isFirstCut(error))) book.again(record);
    this.#tell(blamed, error, book.peek()?.waitMs ?? 0);
  }

  #count(error: SyncError): void {
    this.#failures += 1;
    if (!this.#endsByTime(error)) this.#counted += 1;
  }

  /** Whether it is a time that ends the run, and not a number. */
  #endsByTime(error: SyncError): boolean {
    const { settings, book } = this.#deps;
    return settings.retry.giveUpAfterMs !== null && book.hasWorked && isOutage(error);
  }

  #throwIfHopeless(error: SyncError): void {
    const { settings, book, now } = this.#deps;
    const { maxAttempts, giveUpAfterMs } = settings.retry;
    const failingMs = now() - (this.#failingSinceMs ?? now());
    const isTooLong = this.#endsByTime(error) && failingMs >= (giveUpAfterMs ?? Infinity);
    if (book.isHopeless || isTooLong || this.#counted >= maxAttempts) throw error;
  }

  /** A stream that was cut goes on at once; when that fails too, it is the line. */
  #isFirstCut({ code }: SyncError): boolean {
    return this.#failures <= 1 && code.startsWith('STREAM_');
  }

  /** Another peer is further: it is asked next, and has to show it. */
  #turnTo(record: PeerRecord, error: SyncError): void {
    const { hub, book } = this.#deps;
    const ahead = book.find(error.context.peer);
    if (ahead !== null) book.prefer(ahead);
    hub.emit({ type: 'peer', peer: record.peer.url, status: 'lost', error });
    this.#tell(record, error, 0);
  }

  #tell({ peer }: PeerRecord, error: SyncError, delayMs: number): void {
    this.#deps.hub.emit({ type: 'retry', peer: peer.url, error, attempt: this.#failures, delayMs });
  }

  /** Whether the same peer is worth asking, by another way or by the same. */
  #isWorthAsking({ record, error, way, fork, hasWorked }: Failure): boolean {
    // Where a chain forks, tiles don't tell; the stream does.
    if (way === null || (fork !== null && way !== 'tiles') || record.dropped !== null) return false;
    // It is left for its chain, whatever way that came.
    if (error.code === 'PEER_OUTVOTED') return false;
    return this.#deps.chooser.failed(record.peer, way, error, hasWorked, record.status);
  }

  /** Whether a fork may be over when the peer is asked again: a shorter branch grows, for those who wait, and may be confirmed. */
  #mayPass({ error, fork }: Failure): boolean {
    if (error.code !== 'FORKED') return false;
    const { follow, agree } = this.#deps.settings;
    return fork === 'replaced' || (fork === 'shorter' && (follow || agree > 1));
  }
}
