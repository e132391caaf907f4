import type { Peer, PeerStatus, Transport } from '../contracts/index.js';
import { type ErrorCode, SyncError } from '../errors/index.js';
import { isStatic, tilesReach } from './peer-tiles.js';
import type { PeerRecord } from './peers/peer-record.js';
import type { StreamLine } from './peers/stream-line.js';

/** A way to bring blocks here. */
export type SyncMode = 'snapshot' | 'stream' | 'json' | 'tiles';

/** A way that brings blocks one by one or in tiles. */
export type BlocksMode = Transport['mode'];

/** A way that a configuration asks for. Tiles come with others, which go on behind them. */
export type WantedMode = 'auto' | 'stream' | 'json' | 'snapshot';

/** All of them. */
export const WANTED_MODES = ['auto', 'stream', 'json', 'snapshot'] as const satisfies readonly WantedMode[];

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
  /** Whether the peer's streams get through; left out where nothing speaks against it. */
  readonly line?: StreamLine;
}

/** What this node can do at all. */
export interface ModeAbilities {
  /** As configured. */
  readonly mode: WantedMode;
  /** Height of the first block of an empty store. */
  readonly base: number;
  /** Ways to fetch blocks that have a transport. */
  readonly transports: readonly BlocksMode[];
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
 * With `auto`: a snapshot for an empty store that is far behind and has somebody to trust; tiles for history that the peer
 * has in them; else the stream, since it brings the blocks in the encoding they are stored in; ranges where there is no
 * stream, or where something on the way holds it back. After a failure the other ways have their turn.
 */
export class ModeChooser {
  readonly #abilities: ModeAbilities;
  /** Ways that a peer doesn't have. */
  readonly #missing = new Set<string>();
  #snapshotDone = false;
  /** Ways that have failed since a block came, the last one last. */
  #failed: readonly BlocksMode[] = [];

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
   * @param hasWorked - whether blocks had come by that way: if it was only cut then, it goes on by the same, since what is
   *   under way at once is lost when the line is cut again.
   * @param status - of the peer.
   * @returns whether the same peer is worth asking, before another peer is.
   */
  failed(
    peer: Peer,
    mode: BlocksMode,
    error: SyncError,
    hasWorked: boolean,
    status: PeerStatus | null = null,
  ): boolean {
    const others = served(this.#usable(peer), status).filter((each) => each !== mode && each !== 'tiles');
    if (hasWorked && error.code === 'STREAM_TRUNCATED') return others.length > 0;
    const before = this.#failed.filter((each) => each !== mode);
    this.#failed = [...before, mode];
    if (error.info.provesLie) return false;
    if (error.info.retryable) return others.some((each) => !before.includes(each));
    if (!ABOUT_THE_WAY.has(error.code) && mode !== 'tiles') return false;
    if (mode !== 'tiles' || others.length > 0) this.#missing.add(key(peer, mode));
    return others.length > 0;
  }

  /** What a peer doesn't have now it may have later. */
  forgive(peer: Peer): void {
    for (const mode of ALL_MODES) this.#missing.delete(key(peer, mode));
  }

  /** Whether a peer may still have a stream, and what it sends gets through. */
  canStream({ peer, status, line }: Pick<PeerRecord, 'peer' | 'status' | 'line'>): boolean {
    return gettingThrough(served(this.#usable(peer), status), status, line).includes('stream');
  }

  /** Whether a way is to go on with what is new: ranges where no stream does; files, and plain servers, tell of nothing new. */
  follows(mode: SyncMode, record: Pick<PeerRecord, 'peer' | 'status' | 'line'>): boolean {
    if (mode !== 'json') return true;
    return record.status !== null && !isStatic(record.status) && !this.canStream(record);
  }

  /** A block came: what failed before is no reason any more. */
  succeeded(): void {
    this.#failed = [];
  }

  #wantsSnapshot(peer: Peer): boolean {
    const { mode, snapshots } = this.#abilities;
    if (this.#snapshotDone || !snapshots || this.#missing.has(key(peer, 'snapshot'))) return false;
    return mode === 'snapshot' || mode === 'auto';
  }

  #snapshotReason({ height, to, status }: ModeSituation): string | null {
    if (this.#abilities.mode === 'snapshot') return 'The mode `snapshot` is configured.';
    if (height !== null || to !== null || status === null || !hasSnapshots(status)) return null;
    const behind = (status.head?.height ?? -1) + 1 - status.base;
    if (behind < this.#abilities.minSnapshotBlocks) return null;
    return `The store is empty, the peer is ${behind} blocks ahead and serves snapshots, and there are signers to trust.`;
  }

  #chooseBlocks(peer: Peer, situation: ModeSituation): ChosenMode | null {
    const { status, line } = situation;
    const { mode } = this.#abilities;
    const usable = this.#usable(peer);
    const others = usable.filter((each) => each !== 'tiles');
    // Who asks for one way gets it, whatever the peer says that it has.
    const isAsked = mode === 'stream' || mode === 'json';
    const all = isAsked && !isStatic(status) ? others : served(others, status);
    const ways = gettingThrough(all, status, line);
    const reach = this.#tilesReach(situation);
    const takesTiles = usable.includes('tiles') && (reach !== null || isStatic(status));
    const next = leastFailed(takesTiles ? ['tiles', ...ways] : ways, this.#failed);
    if (next === null) return null;
    const isHeldBack = next === 'json' && all.length > ways.length;
    return { mode: next, reason: isHeldBack ? HELD_BACK : this.#reason(next, ways, reach) };
  }

  #tilesReach({ height, to, status }: ModeSituation): number | null {
    return tilesReach(status, height === null ? this.#abilities.base : height + 1, to);
  }

  #reason(mode: BlocksMode, ways: readonly BlocksMode[], reach: number | null): string {
    const last = this.#failed.at(-1);
    const [then] = ways;
    if (mode === 'tiles') return tilesReason(reach, then ?? null);
    if (last !== undefined && last !== mode)
      return `The mode \`${last}\` failed; \`${mode}\` goes on where it ended.`;
    if (this.#abilities.mode === mode) return `The mode \`${mode}\` is configured.`;
    if (mode === 'json') return 'The peer has no stream.';
    return 'The stream brings the blocks in the encoding they are stored in.';
  }

  /** Best first. */
  #usable(peer: Peer): readonly BlocksMode[] {
    const { mode, transports } = this.#abilities;
    const wanted = mode === 'stream' || mode === 'json' ? WAYS[mode] : WAYS.auto;
    return wanted.filter((each) => transports.includes(each) && !this.#missing.has(key(peer, each)));
  }
}

/** Ways that bring blocks, best first. */
const WAYS = {
  auto: ['tiles', 'stream', 'json'],
  stream: ['stream'],
  json: ['tiles', 'json'],
} as const satisfies Readonly<Record<string, readonly BlocksMode[]>>;

const ALL_MODES: readonly SyncMode[] = [...WAYS.auto, 'snapshot'];

function tilesReason(reach: number | null, then: BlocksMode | null): string {
  if (then === null) return 'The peer has files of its tiles, and nothing else.';
  return `The peer has the blocks up to ${reach ?? ''} in tiles, which are checked and kept whole; \`${then}\` brings the rest.`;
}

/** The first way that has not failed, or the one whose failure is the longest ago; `null` where there is no way. */
function leastFailed(ways: readonly BlocksMode[], failed: readonly BlocksMode[]): BlocksMode | null {
  const fresh = ways.find((each) => !failed.includes(each));
  return fresh ?? failed.find((each) => ways.includes(each)) ?? null;
}

/** The error for a peer that has no way that this node may use. @param status - of the peer; `null` for a plain server */
export function noWay(
  peer: Peer,
  mode: WantedMode,
  transports: readonly Transport[],
  status: PeerStatus | null,
): SyncError {
  const names = transports.map(({ name }) => name).join(', ');
  const files = isStatic(status) ? ', which has nothing but tiles: they are for the modes auto and json' : '';
  const message = `The mode ${mode} leaves no way to sync from ${peer.url}${files}; the transports here are ${names}.`;
  const isRegistered = transports.some(
    (each) => each.mode === mode || mode === 'auto' || mode === 'snapshot',
  );
  return new SyncError(isRegistered ? 'PEER_REFUSED' : 'PLUGIN_UNKNOWN', message);
}

/** A status document that names no codecs at all says nothing about what is served, unless it is that of files. */
function served(usable: readonly BlocksMode[], status: PeerStatus | null): readonly BlocksMode[] {
  const named = usable.filter((mode) => mode !== 'tiles' && (status?.codecs[mode].length ?? 0) > 0);
  return named.length > 0 || isStatic(status) ? named : usable;
}

const HELD_BACK =
  'Something on the way holds back the streams of the peer; ranges bring new blocks as they are made.';

/** Without the stream, where it is held back on the way and the peer has ranges. */
function gettingThrough(
  ways: readonly BlocksMode[],
  status: PeerStatus | null,
  line: StreamLine | undefined,
): readonly BlocksMode[] {
  const isClear = line === undefined || line.at === 'clear';
  return isClear || status === null || !ways.includes('json') ? ways : ways.filter((way) => way !== 'stream');
}

function key(peer: Peer, mode: SyncMode): string {
  return `${mode} ${peer.url}`;
}

/** Whether a peer has snapshots: it answers for them, or has them in files. */
function hasSnapshots({ codecs, snapshots }: PeerStatus): boolean {
  return codecs.snapshot.length > 0 || snapshots.some(({ manifest }) => manifest !== undefined);
}
