import type { Peer } from '../../../src/contracts/index.js';
import { SyncError, type ErrorCode } from '../../../src/errors/index.js';
import { type BackoffBounds, backoffDelayMs } from '../../../src/internal/backoff.js';

const MAX_DELAY_MS = 30_000;
/** Failures in a row after which a peer is out. */
const MAX_FAILURES = 6;
/** These say that the peer has not this snapshot, which is no failure of it. */
const GONE: ReadonlySet<ErrorCode> = new Set(['SNAPSHOT_GONE', 'SNAPSHOT_UNAVAILABLE', 'PEER_NOT_FOUND']);

interface Member {
  readonly peer: Peer;
  busy: number;
  failures: number;
  /** Requests that began before the last failure tell of the same trouble. */
  era: number;
  /** By `performance.now()`. */
  readyAt: number;
  /** Why it is not asked any more. */
  out: SyncError | null;
}

/** A peer lent for one request. */
export interface PeerLease {
  readonly peer: Peer;
  /** A part came and was right. */
  worked(): void;
  /** It came to nothing. */
  failed(error: SyncError): void;
  /** The request is over, one way or the other. */
  done(): void;
}

/** The peers of one download: which one to ask next, and which ones no more. */
export class PeerPool {
  readonly #members: readonly Member[];
  readonly #onFailure: (peer: Peer, error: Error) => void;
  readonly #backoff: BackoffBounds;

  /**
   * @param backoffMs - most that is waited after a first failure.
   */
  constructor(peers: readonly Peer[], backoffMs: number, onFailure: (peer: Peer, error: Error) => void) {
    this.#members = peers.map((peer) => ({ peer, busy: 0, failures: 0, era: 0, readyAt: 0, out: null }));
    this.#backoff = { baseDelayMs: backoffMs, maxDelayMs: MAX_DELAY_MS };
    this.#onFailure = onFailure;
  }

  /**
   * The least busy of the peers that may be asked now; `null` when there is none.
   *
   * @param except - a peer that will not do.
   */
  next(except: Peer | null = null): PeerLease | null {
    const now = performance.now();
    let best: Member | null = null;
    for (const member of this.#members) {
      if (member.out !== null || member.readyAt > now || member.peer === except) continue;
      if (best === null || member.busy < best.busy) best = member;
    }
    return best === null ? null : this.#lease(best);
  }

  /** How long until a peer may be asked, in milliseconds; `null` when all are out. */
  waitMs(): number | null {
    const times = this.#members.filter(({ out }) => out === null).map(({ readyAt }) => readyAt);
    return times.length === 0 ? null : Math.max(0, Math.min(...times) - performance.now());
  }

  /** Why all are out: what may pass first, then that it is gone, then what the last one did. */
  verdict(): SyncError {
    const errors = this.#members.flatMap(({ out }) => (out === null ? [] : [out]));
    const retryable = errors.find(({ code, info }) => info.retryable && !GONE.has(code));
    const gone = errors.find(({ code }) => GONE.has(code));
    if (retryable !== undefined) return retryable;
    if (gone !== undefined)
      return new SyncError('SNAPSHOT_GONE', 'No peer keeps the snapshot any more.', { cause: gone });
    return errors.at(-1) ?? new SyncError('SNAPSHOT_GONE', 'There is no peer to fetch the snapshot from.');
  }

  #lease(member: Member): PeerLease {
    const { era } = member;
    member.busy++;
    return {
      peer: member.peer,
      worked: () => {
        member.failures = 0;
      },
      failed: (error) => {
        this.#failed(member, era, error);
      },
      done: () => {
        member.busy--;
      },
    };
  }

  #failed(member: Member, era: number, error: SyncError): void {
    if (member.out !== null) return;
    const located = error.at({ peer: member.peer.url });
    if (GONE.has(error.code)) {
      member.out = located;
      return;
    }
    if (error.info.retryable && era !== member.era) return;
    member.era++;
    member.failures++;
    if (!error.info.retryable || member.failures === MAX_FAILURES) member.out = located;
    else {
      const { retryAfterMs = null } = error.context;
      member.readyAt = performance.now() + backoffDelayMs(this.#backoff, member.failures, retryAfterMs);
    }
    this.#onFailure(member.peer, located);
  }
}
