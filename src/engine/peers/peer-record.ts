import type { BlockRef, Peer, PeerStatus } from '../../contracts/index.js';
import type { SyncError } from '../../errors/index.js';
import { Average } from './average.js';
import { RollbackLimit } from './rollback-limit.js';
import { CLEAR, type StreamLine } from './stream-line.js';

/** What an engine knows of one of its peers, for a host to show. */
export interface PeerInfo {
  readonly url: string;
  /** How long it takes to answer, in milliseconds, averaged; `null` before the first answer. */
  readonly latencyMs: number | null;
  /** Encoded bytes a second while blocks were due from it, averaged; `null` before any came. */
  readonly bytesPerSecond: number | null;
  /** The head that it claimed last; nothing is proved by it. `null` when it claimed none. */
  readonly head: BlockRef | null;
  /** Failures in a row. */
  readonly failures: number;
  /** How long it is not asked, in milliseconds; 0 when it may be. */
  readonly bannedForMs: number;
  /** Why it is not asked again in this run; `null` when it is. */
  readonly dropped: SyncError | null;
}

/** A server to sync from, with what the host has said of it. */
export interface ConfiguredPeer extends Peer {
  /**
   * What its rollbacks and shorter branches are. `proved`: a claim, until verified blocks replace ours. `trusted`: they are
   * followed at once.
   */
  readonly rollbacks: 'proved' | 'trusted';
}

/** What is known of one peer. Kept by the {@link PeerBook}. */
export class PeerRecord {
  readonly peer: ConfiguredPeer;
  /** Place in the configuration: the host's own preference. */
  readonly index: number;
  readonly latencyMs = new Average();
  readonly bytesPerSecond = new Average();
  /** What it said of itself last; `null` before it did, and for a plain server. */
  status: PeerStatus | null = null;
  failures = 0;
  /** On the clock of the book; it is not asked before, for what it did. */
  retryAtMs = -Infinity;
  /** Connections in a row that brought no block. */
  idle = 0;
  /** Like `retryAtMs`, for the sake of the time between two such connections. */
  spacedUntilMs = -Infinity;
  /** When a connection that had worked was lost; `null` when none was since it worked last. */
  lostAtMs: number | null = null;
  /** Whether a sync from it has begun at least once: its address and credentials were right. */
  hasWorked = false;
  /** Refusals in a row, of the kind that does not pass by itself. */
  refusals = 0;
  /** How often in a row it claimed a head that it did not send. */
  unmet = 0;
  /** How often it was left alone for long, as it contradicts itself or enough others. */
  unproved = 0;
  dropped: SyncError | null = null;
  /** Whether its streams get through to here. */
  line: StreamLine = CLEAR;
  readonly rollbackLimit: RollbackLimit;

  constructor(peer: ConfiguredPeer, index: number, now: () => number) {
    this.peer = peer;
    this.rollbackLimit = new RollbackLimit(now);
    this.index = index;
  }

  /** On the clock of the book: when it may be asked. */
  get askAtMs(): number {
    return Math.max(this.retryAtMs, this.spacedUntilMs);
  }

  info(nowMs: number): PeerInfo {
    return {
      url: this.peer.url,
      latencyMs: this.latencyMs.value,
      bytesPerSecond: this.bytesPerSecond.value,
      head: this.status?.head ?? null,
      failures: this.failures,
      bannedForMs: Math.max(0, this.askAtMs - nowMs),
      dropped: this.dropped,
    };
  }
}
