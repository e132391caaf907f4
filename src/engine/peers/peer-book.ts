import type { SyncError } from '../../errors/index.js';
import { type BackoffBounds, backoffDelayMs, doublingMs, spacingMs } from '../../internal/backoff.js';
import type { RetryOptions } from '../backoff.js';
import { type ConfiguredPeer, type PeerInfo, PeerRecord } from './peer-record.js';

/** While a line is expected back, it is tried after this time and as much again at random. */
const QUICK_DELAY_MS = 100;
const QUICK_JITTER_MS = 200;
/** A peer that did not send the head that it claims is asked again so often. */
const UNMET_AGAIN = 3;
/** How long a peer that contradicts itself, or enough others, is left alone. */
const UNPROVED_BAN: BackoffBounds = { baseDelayMs: 600_000, maxDelayMs: 86_400_000 };

/** Connections to one peer in a row that may bring no block and be followed by another one at once: one for each way, and a second try. */
const FREE_CONNECTIONS = 3;

/** A peer that has never worked and refuses so often is not the right one. */
const MAX_REFUSALS = 3;

/** What a {@link PeerBook} works with. */
export interface PeerBookOptions {
  readonly retry: RetryOptions;
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number;
  readonly random?: () => number;
}

/** The peer to ask next, and how long to wait before. */
export interface NextPeer {
  readonly record: PeerRecord;
  readonly waitMs: number;
}

/**
 * The peers of one run: what is known of each, who is asked next, who is left alone for a while, and who is not asked
 * again.
 */
export class PeerBook {
  readonly #records: readonly PeerRecord[];
  readonly #options: PeerBookOptions;
  /** The greatest height that connections have brought this node to: blocks that come again below it are no progress. */
  #best = -1;
  /** Asked next, whatever else speaks for others. */
  #preferred: PeerRecord | null = null;

  constructor(peers: readonly ConfiguredPeer[], options: PeerBookOptions) {
    this.#records = peers.map((peer, index) => new PeerRecord(peer, index, options.now));
    this.#options = options;
  }

  /** All that were not dropped. */
  get usable(): readonly PeerRecord[] {
    return this.#records.filter(({ dropped }) => dropped === null);
  }

  /** Those that may be asked now, best first. */
  get ready(): readonly PeerRecord[] {
    const now = this.#options.now();
    return this.usable.filter(({ askAtMs }) => askAtMs <= now).sort(compare);
  }

  /** Whether there is no hope: none is left, or none has ever worked and each keeps refusing. */
  get isHopeless(): boolean {
    if (this.hasWorked) return this.usable.length === 0;
    return this.usable.every(({ refusals }) => refusals >= MAX_REFUSALS);
  }

  /** Whether any has ever worked. */
  get hasWorked(): boolean {
    return this.#records.some(({ hasWorked }) => hasWorked);
  }

  info(): readonly PeerInfo[] {
    const now = this.#options.now();
    return this.#records.map((record) => record.info(now));
  }

  /** The record of a peer; `null` for a peer of somebody else. */
  find(url: string | undefined): PeerRecord | null {
    return this.#records.find(({ peer }) => peer.url === url) ?? null;
  }

  /** The peer to ask now; `null` when all were dropped. A preference holds once. */
  next(): NextPeer | null {
    const next = this.peek();
    this.#preferred = null;
    return next;
  }

  /** What `next` would give. */
  peek(): NextPeer | null {
    const preferred = this.#preferred;
    if (preferred?.dropped === null) return { record: preferred, waitMs: this.#waitMs(preferred) };
    const [first] = this.ready;
    if (first !== undefined) return { record: first, waitMs: 0 };
    const [soonest] = [...this.usable].sort((a, b) => a.askAtMs - b.askAtMs);
    return soonest === undefined ? null : { record: soonest, waitMs: this.#waitMs(soonest) };
  }

  /** This peer is asked next. */
  prefer(record: PeerRecord): void {
    this.#preferred = record;
  }

  /**
   * A connection is over, however it ended. The time from its beginning to the next one grows with each that brings no
   * block, so that no peer can make this node connect without end; one that lasted longer than that may be followed by
   * another at once.
   *
   * @param sinceMs - when it began, on the clock of the book.
   * @param height - of the newest block here; below 0 for none.
   */
  connected(record: PeerRecord, sinceMs: number, height: number): void {
    const { retry, random = Math.random } = this.#options;
    record.idle = height > this.#best ? 0 : record.idle + 1;
    this.#best = Math.max(this.#best, height);
    const excess = record.idle - FREE_CONNECTIONS;
    record.spacedUntilMs = excess < 0 ? -Infinity : sinceMs + spacingMs(retry, excess + 1, random);
  }

  /** A connection has brought blocks, or was live long enough to count. */
  worked(record: PeerRecord): void {
    record.failures = 0;
    record.refusals = 0;
    record.lostAtMs = null;
    record.retryAtMs = -Infinity;
    record.hasWorked = true;
  }

  /**
   * Leaves a peer alone for a while.
   *
   * @param mayPass - whether asking it again may bring something else, whatever the error says.
   * @returns whether it is one of the quick attempts that follow the loss of a line.
   */
  backOff(record: PeerRecord, error: SyncError, mayPass = false): boolean {
    const isRefusal = !error.info.retryable && !mayPass;
    const quick = this.#isQuick(record, error);
    record.refusals = isRefusal ? record.refusals + 1 : 0;
    if (!quick) record.failures += 1;
    record.retryAtMs = this.#options.now() + Math.round(this.#banMs(record, error, { quick, isRefusal }));
    return quick;
  }

  #banMs(
    { failures }: PeerRecord,
    { context }: SyncError,
    { quick, isRefusal }: { readonly quick: boolean; readonly isRefusal: boolean },
  ): number {
    const { retry, random = Math.random } = this.#options;
    if (quick) return QUICK_DELAY_MS + random() * QUICK_JITTER_MS;
    // What does not pass by itself is not asked about often while there are others.
    if (isRefusal && this.usable.length > 1) return retry.maxDelayMs;
    return backoffDelayMs(retry, failures, context.retryAfterMs ?? null, random);
  }

  /**
   * The peer did not send the head that it claims: it is asked again soon, three times, since replicas behind one address,
   * caches and a reorganisation look like that, too.
   *
   * @param withinMs - the time that the three take together.
   * @returns whether it may be asked again; else it contradicts itself.
   */
  unmet(record: PeerRecord, withinMs: number): boolean {
    record.unmet += 1;
    if (record.unmet > UNMET_AGAIN) return false;
    record.failures += 1;
    record.retryAtMs = this.#options.now() + Math.round(withinMs / UNMET_AGAIN);
    return true;
  }

  /** The peer has sent what it claims. */
  met(record: PeerRecord): void {
    record.unmet = 0;
  }

  /** The peer contradicts itself, or enough others. */
  unproved(record: PeerRecord): void {
    record.failures += 1;
    record.unproved += 1;
    record.retryAtMs = this.#options.now() + doublingMs(UNPROVED_BAN, record.unproved);
  }

  /** This peer is asked next, and at once. */
  again(record: PeerRecord): void {
    record.retryAtMs = -Infinity;
    this.prefer(record);
  }

  /** Takes a peer out for good. */
  drop(record: PeerRecord, error: SyncError): void {
    record.dropped = error;
  }

  #waitMs({ askAtMs }: PeerRecord): number {
    return Math.max(0, Math.ceil(askAtMs - this.#options.now()));
  }

  /**
   * A connection that is refused costs nobody anything: a line that has only just gone is tried again often, so that
   * a short interruption stays short. A peer that answers with a refusal is given time.
   */
  #isQuick(record: PeerRecord, error: SyncError): boolean {
    const { now, retry } = this.#options;
    if (!record.hasWorked || error.context.retryAfterMs !== undefined) return false;
    if (error.code !== 'PEER_UNREACHABLE' && !error.code.startsWith('STREAM_')) return false;
    if (record.failures === 0) record.lostAtMs ??= now();
    return record.lostAtMs !== null && now() - record.lostAtMs < retry.quickForMs;
  }
}

/** Who has failed less comes first, then who is known to be faster, then who stands first in the configuration. */
function compare(a: PeerRecord, b: PeerRecord): number {
  if (a.failures !== b.failures) return a.failures - b.failures;
  const faster = (b.bytesPerSecond.value ?? 0) - (a.bytesPerSecond.value ?? 0);
  return faster === 0 ? a.index - b.index : faster;
}
