import type { Peer, PeerTiles, TileEntry } from '../../../src/contracts/index.js';
import type { SyncError } from '../../../src/errors/index.js';
import { type BackoffBounds, doublingMs } from '../../../src/internal/backoff.js';

/** What the newest measurement counts for. */
const NEWEST = 0.3;
/** Failures in a row after which a peer is not asked any more. */
const MAX_FAILURES = 3;
/** How long it is not asked after a failure. Without jitter: it is the requests of this client alone that come back. */
const AFTER_FAILURE: BackoffBounds = { baseDelayMs: 100, maxDelayMs: 5_000 };
/** How long others are preferred after one of them was faster with a tile that it had begun later. */
const AFTER_LOSS: BackoffBounds = { baseDelayMs: 5_000, maxDelayMs: 60_000 };

/** A peer of one download, with what is known of it. */
export class Source {
  readonly peer: Peer;
  readonly tiles: PeerTiles;
  /** Whether it is the peer that the request names, whose index says what is fetched. */
  readonly asked: boolean;
  /** Most requests at once; a peer that is busy lowers it. */
  most = Infinity;
  /** Requests under way. */
  busy = 0;
  /** Why it is not asked any more. */
  out: SyncError | null = null;
  /** First heights of the tiles that its index names as the asked peer's does. */
  readonly #shared = new Set<number>();
  #rate: number | null = null;
  #failures = 0;
  #failedAt = -Infinity;
  #readyAt = -Infinity;
  #losses = 0;
  #restsUntil = -Infinity;

  constructor(peer: Peer, tiles: PeerTiles, asked: boolean) {
    this.peer = peer;
    this.tiles = tiles;
    this.asked = asked;
  }

  /** Bytes of bodies per second of all its requests together; `null` before the first one. */
  get rate(): number | null {
    return this.#rate;
  }

  /** Whether it may be asked for a tile. */
  has({ from }: TileEntry): boolean {
    return this.out === null && (this.asked || this.#shared.has(from));
  }

  /** Whether it was too slow a short while ago. */
  get isResting(): boolean {
    return performance.now() < this.#restsUntil;
  }

  /** Whether it failed a moment ago, and is not asked for a while. */
  get isWaiting(): boolean {
    return performance.now() < this.#readyAt;
  }

  /** Whether one more request may be begun now: one of the others has to bring something before it is asked for more. */
  get isFree(): boolean {
    if (this.busy >= this.most || this.isWaiting) return false;
    return this.asked || this.#rate !== null || this.busy === 0;
  }

  /** Its index names the tile as the asked peer's does. */
  shares({ from }: TileEntry): void {
    this.#shared.add(from);
  }

  /** The tile is not needed any more. */
  forget({ from }: TileEntry): void {
    this.#shared.delete(from);
  }

  /** A request that has just ended brought a tile. */
  worked(bytes: number, ms: number): void {
    this.#failures = 0;
    this.#losses = 0;
    const rate = (bytes * 1000 * (this.busy + 1)) / Math.max(1, ms);
    this.#rate = this.#rate === null ? rate : this.#rate + NEWEST * (rate - this.#rate);
  }

  /** Another peer was faster with a tile that it had begun later. */
  overtaken(): void {
    this.#losses++;
    this.#restsUntil = performance.now() + doublingMs(AFTER_LOSS, this.#losses);
  }

  /**
   * A request failed in a way that may pass. Requests that are cut off together are one failure.
   *
   * @param startedAt - when it was begun, by `performance.now()`.
   * @param hasMore - whether it has brought something to go on from: it is the first failure in a row then.
   * @returns whether the peer should be given up.
   */
  stumbled(
    error: SyncError,
    { startedAt, hasMore }: { readonly startedAt: number; readonly hasMore: boolean },
  ): boolean {
    const { retryAfterMs = 0 } = error.context;
    if (retryAfterMs > AFTER_FAILURE.maxDelayMs) return true;
    // Another request was refused; those that are under way are what it can do.
    if (error.code === 'PEER_BUSY') this.most = Math.max(1, Math.min(this.most, this.busy));
    if (hasMore) this.#failures = 0;
    if (startedAt < this.#failedAt) return false;
    this.#failures++;
    this.#failedAt = performance.now();
    this.#readyAt = this.#failedAt + Math.max(retryAfterMs, doublingMs(AFTER_FAILURE, this.#failures));
    return this.#failures >= MAX_FAILURES;
  }
}
