import type { Peer, PeerStatus, Transport } from '../contracts/index.js';
import { type ErrorCode, SyncError } from '../errors/index.js';

/** A way to bring blocks here. */
export type SyncMode = 'snapshot' | 'json' | 'stream';

/** All ways. */
export const SYNC_MODES = ['stream', 'json', 'snapshot'] as const satisfies readonly SyncMode[];

/** A way, and why it was taken. */
export interface ChosenMode {
  readonly mode: SyncMode;
  /** One sentence, for people. */
  readonly reason: string;
}

/** What the choice rests on. */
export interface ModeSituation {
  /** Newest block held here; `null` for an empty store. */
  readonly height: number | null;
  /** Last height wanted; `null` for all. */
  readonly to: number | null;
  /** What the peer says of itself; `null` for a plain server. */
  readonly status: PeerStatus | null;
}

/** What this node can do at all. */
export interface ModeAbilities {
  /** As configured. */
  readonly mode: SyncMode | 'auto';
  /** Ways to fetch blocks that have a transport. */
  readonly transports: readonly ('stream' | 'json')[];
  /** Whether a snapshot could be taken: there is a transport for it, and somebody to trust. */
  readonly snapshots: boolean;
  /** An empty node that is fewer blocks behind than this syncs them instead of taking a snapshot. */
  readonly minSnapshotBlocks: number;
}

/** Failures that speak against a way, not against the peer. */
const ABOUT_THE_WAY: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'PEER_NOT_FOUND',
  'PEER_NOT_SYNC',
  'PEER_REFUSED',
  'CODEC_UNAVAILABLE',
]);

/**
 * Chooses how to sync from a peer, and remembers what has failed.
 *
 * With `auto`: a snapshot for an empty store that is far behind and has somebody to trust; the stream otherwise, since
 * it brings the blocks in the encoding they are stored in; ranges where there is no stream, and in turns with the
 * stream after a failure.
 */
export class ModeChooser {
  readonly #abilities: ModeAbilities;
  /** Ways that a peer doesn't have. */
  readonly #missing = new Set<string>();
  #snapshotDone = false;
  /** The way that failed last. */
  #failed: 'stream' | 'json' | null = null;

  constructor(abilities: ModeAbilities) {
    this.#abilities = abilities;
  }

  /** The way to take now; `null` when the peer has none that this node may use. */
  choose(peer: Peer, situation: ModeSituation): ChosenMode | null {
    if (this.#wantsSnapshot(peer)) {
      const reason = this.#snapshotReason(situation);
      if (reason !== null) return { mode: 'snapshot', reason };
    }
    return this.#chooseBlocks(peer, situation);
  }

  /** The snapshot was imported, or there is no more hope for one: blocks are what is left. */
  endSnapshot(): void {
    this.#snapshotDone = true;
  }

  /**
   * Notes a failure.
   *
   * @param hasWorked - whether blocks had come by that way: if it was only cut then, it goes on by the same, since ranges that
   *   are under way at once lose more when the line is cut again.
   * @returns whether the same peer is worth asking, before another peer is.
   */
  failed(peer: Peer, mode: 'stream' | 'json', error: SyncError, hasWorked: boolean): boolean {
    const others = this.#usable(peer).filter((each) => each !== mode);
    if (hasWorked && error.code === 'STREAM_TRUNCATED') return others.length > 0;
    const both = this.#failed !== null && this.#failed !== mode;
    this.#failed = mode;
    if (error.info.provesLie) return false;
    if (error.info.retryable) return !both && others.length > 0;
    if (!ABOUT_THE_WAY.has(error.code)) return false;
    this.#missing.add(key(peer, mode));
    return others.length > 0;
  }

  /** What a peer doesn't have now it may have later. */
  forgive(peer: Peer): void {
    for (const mode of SYNC_MODES) this.#missing.delete(key(peer, mode));
  }

  /** Whether a peer may still have a stream. */
  canStream(peer: Peer, status: PeerStatus | null): boolean {
    return served(this.#usable(peer), status).includes('stream');
  }

  /** A block came: what failed before is no reason any more. */
  succeeded(): void {
    this.#failed = null;
  }

  #wantsSnapshot(peer: Peer): boolean {
    const { mode, snapshots } = this.#abilities;
    if (this.#snapshotDone || !snapshots || this.#missing.has(key(peer, 'snapshot'))) return false;
    return mode === 'snapshot' || mode === 'auto';
  }

  #snapshotReason({ height, to, status }: ModeSituation): string | null {
    if (this.#abilities.mode === 'snapshot') return 'The mode `snapshot` is configured.';
    if (height !== null || to !== null || status === null || status.codecs.snapshot.length === 0) return null;
    const behind = (status.head?.height ?? -1) + 1 - status.base;
    if (behind < this.#abilities.minSnapshotBlocks) return null;
    return `The store is empty, the peer is ${behind} blocks ahead and serves snapshots, and there are signers to trust.`;
  }

  #chooseBlocks(peer: Peer, { status }: ModeSituation): ChosenMode | null {
    const usable = this.#usable(peer);
    if (this.#abilities.mode === 'stream' || this.#abilities.mode === 'json') {
      const [only] = usable;
      return only === undefined ? null : { mode: only, reason: `The mode \`${only}\` is configured.` };
    }
    return this.#inTurn(served(usable, status));
  }

  #inTurn([first, second]: readonly ('stream' | 'json')[]): ChosenMode | null {
    if (first === undefined) return null;
    if (first === this.#failed && second !== undefined) {
      return { mode: second, reason: `The mode \`${first}\` failed; \`${second}\` goes on where it ended.` };
    }
    if (first === 'json') return { mode: first, reason: 'The peer has no stream.' };
    return { mode: first, reason: 'The stream brings the blocks in the encoding they are stored in.' };
  }

  /** Best first. */
  #usable(peer: Peer): readonly ('stream' | 'json')[] {
    const { mode, transports } = this.#abilities;
    const wanted: readonly ('stream' | 'json')[] =
      mode === 'stream' || mode === 'json' ? [mode] : ['stream', 'json'];
    return wanted.filter((each) => transports.includes(each) && !this.#missing.has(key(peer, each)));
  }
}

/** The error for a peer that has no way that this node may use. */
export function noWay(peer: Peer, mode: ModeAbilities['mode'], transports: readonly Transport[]): SyncError {
  const names = transports.map(({ name }) => name).join(', ');
  const message = `The mode ${mode} leaves no way to sync from ${peer.url}; the transports here are ${names}.`;
  const isRegistered = transports.some(
    (each) => each.mode === mode || mode === 'auto' || mode === 'snapshot',
  );
  return new SyncError(isRegistered ? 'PEER_REFUSED' : 'PLUGIN_UNKNOWN', message);
}

/** A status document that names no codecs at all says nothing about what is served. */
function served(
  usable: readonly ('stream' | 'json')[],
  status: PeerStatus | null,
): readonly ('stream' | 'json')[] {
  const named = usable.filter((mode) => (status?.codecs[mode].length ?? 0) > 0);
  return named.length > 0 ? named : usable;
}

function key(peer: Peer, mode: SyncMode): string {
  return `${mode} ${peer.url}`;
}
