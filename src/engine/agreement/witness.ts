import type { BlockRef, PeerStatus } from '../../contracts/index.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import { type BackoffBounds, doublingMs } from '../../internal/backoff.js';
import { throwIfAborted } from '../../internal/abort.js';
import { within } from '../../internal/deadline.js';
import type { EngineSettings } from '../engine-parts.js';
import type { PeerRecord } from '../peers/peer-record.js';
import { locate, type LocateDeps, type Place } from './locate.js';
import { TimedWakeUp } from './timed-wake-up.js';

/** The newest block is asked about this often at most. */
const LIVE_MS = 1_000;
/** While history is fetched: after this time, or so many blocks. Half of what may wait, so that the fetching need not wait for the answers. */
const HISTORY_MS = 5_000;
const HISTORY_BLOCKS = 2_048;
/** A peer that claims so many blocks more than there are here is one that history is fetched from. */
const NEAR_BLOCKS = 64;
/** A peer that has not answered with our newest block is asked again after this time. */
const AGAIN: BackoffBounds = { baseDelayMs: 250, maxDelayMs: 4_000 };
/** A peer that has not answered within this time has not. */
const ANSWER_MS = 3_000;

/** What a {@link Witness} works with. */
export interface WitnessDeps extends LocateDeps {
  readonly settings: Pick<EngineSettings, 'headCheckMs'>;
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number;
  /** Throws when the peer serves another chain than this node's. */
  check(status: PeerStatus): void;
  /** A peer has answered, or failed to. */
  onAnswer(): void;
}

/** One peer, which is asked again and again how much it has of what is held here. */
export class Witness {
  readonly record: PeerRecord;
  readonly #deps: WitnessDeps;
  readonly #wake = new TimedWakeUp();
  readonly #abort = new AbortController();
  #place: Place | null = null;
  #problem: SyncError | null = null;
  #asking: Promise<void> | null = null;
  #askedMs = -Infinity;
  #askedHeight = -1;
  /** How often our chain went back: an answer that was under way then is of neither chain. */
  #rollbacks = 0;
  /** Answers in a row without our newest block. */
  #misses = 0;

  constructor(deps: WitnessDeps, record: PeerRecord) {
    this.#deps = deps;
    this.record = record;
  }

  /** What it has answered last; `null` when it has not, or could not the last time. */
  get place(): Place | null {
    return this.#problem === null && this.record.dropped === null ? this.#place : null;
  }

  /** Why it can't be heard; `null` when it can. */
  get problem(): SyncError | null {
    return this.record.dropped ?? this.#problem;
  }

  /** Our chain has changed. */
  notify(): void {
    this.#wake.notify();
  }

  /** Our chain went back: what the peer had above it counts no more; it had the block there. It is asked at once. */
  wentBack({ height, hash }: BlockRef): void {
    this.#rollbacks += 1;
    const place = this.#place;
    if (place !== null) {
      const isAbove = place.common !== null && place.common.height > height;
      this.#place = { ...place, common: isAbove ? { height, hash } : place.common, differs: false };
    }
    this.#askedHeight = Math.min(this.#askedHeight, height);
    this.#askedMs = -Infinity;
    this.notify();
  }

  /** Fires when it is stopped. One for each peer: many listeners of one signal look like a leak to the platform. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Asks whenever it is time. @throws SyncError once it is stopped */
  async run(): Promise<never> {
    for (;;) {
      const ms = this.#waitMs();
      if (ms > 0) await this.#wake.wait(ms, this.signal);
      else await this.ask();
    }
  }

  stop(error: SyncError): void {
    this.#abort.abort(error);
  }

  /** Asks now; where an answer is awaited, that one will do. */
  ask(): Promise<void> {
    this.#asking ??= this.#ask(this.signal).finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  /** In milliseconds; `Infinity` while there is nobody or nothing to ask. */
  #waitMs(): number {
    const { head } = this.#deps.chain.tip();
    const isHeard = this.place !== null;
    if (head === null || this.record.dropped !== null) return Infinity;
    const isCovered = isHeard && this.#place?.common?.hash === head.hash;
    // It may have gone over to another branch since.
    if (isCovered) return this.#askedMs + this.#deps.settings.headCheckMs - this.#deps.now();
    if (isHeard && head.height - this.#askedHeight >= HISTORY_BLOCKS) return 0;
    return this.#askedMs + this.#spaceMs(head) - this.#deps.now();
  }

  #spaceMs(head: BlockRef): number {
    if (this.#misses > 0) return doublingMs(AGAIN, this.#misses);
    const claimed = this.#place?.theirs.height ?? -1;
    return claimed - head.height > NEAR_BLOCKS ? HISTORY_MS : LIVE_MS;
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { chain, now } = this.#deps;
    const { head } = chain.tip();
    const before = this.#place?.theirs.height ?? -1;
    try {
      const rollbacks = this.#rollbacks;
      const place = await within(ANSWER_MS, signal, (inner) => this.#locate(inner));
      if (rollbacks !== this.#rollbacks) return;
      this.#place = place;
      this.#problem = null;
    } catch (error) {
      throwIfAborted(signal);
      if (!isSyncError(error)) throw error;
      this.#problem = error.at({ peer: this.record.peer.url });
    }
    this.#askedMs = now();
    this.#askedHeight = head?.height ?? -1;
    this.#count(head, before);
    this.#deps.onAnswer();
  }

  /** Counts answers without our newest block; a peer whose head has moved is asked again soon. */
  #count(head: BlockRef | null, before: number): void {
    const hasMoved = (this.#place?.theirs.height ?? -1) > before;
    if (this.place !== null && this.#place?.common?.hash === head?.hash) this.#misses = 0;
    else this.#misses = hasMoved ? 1 : this.#misses + 1;
  }

  async #locate(signal: AbortSignal): Promise<Place> {
    const { record } = this;
    const { transport } = this.#deps;
    // What it says here is not noted elsewhere: a connection is judged by what its peer claimed when it began.
    const status = await transport.status(record.peer, { signal });
    if (status !== null) this.#deps.check(status);
    const theirs = status?.head ?? null;
    if (theirs === null)
      throw new SyncError('PEER_BEHIND', `${record.peer.url} names no head.`, { peer: record.peer.url });
    const place = await locate(this.#deps, record, theirs, signal);
    await this.#checkStillThere(place, signal);
    return place;
  }

  /** A peer that went back meanwhile says yes to what is above its head. @throws SyncError `PEER_BEHIND` */
  async #checkStillThere({ common }: Place, signal: AbortSignal): Promise<void> {
    const { peer } = this.record;
    const status = await this.#deps.transport.status(peer, { signal });
    const height = status?.head?.height ?? -1;
    if (common === null || height >= common.height) return;
    throw new SyncError('PEER_BEHIND', `${peer.url} went back to block ${height} meanwhile.`);
  }
}
