import type {
  BlockHeader,
  BlockRef,
  Checkpoint,
  SnapshotProgress,
  SnapshotType,
} from '../../contracts/index.js';
import type { ErrorCode, SyncError } from '../../errors/index.js';
import type { Block } from '../../chain/block.js';
import type { Equivocation } from '../../chain/evidence.js';
import type { SyncMode } from '../modes.js';

/**
 * What an engine is doing, for a user interface to draw.
 *
 * A run without trouble: `idle → opening → connecting → syncing → synced → closed`, with `importing` before `syncing` while
 * a snapshot is taken. `docs/embedding.md` has the table of all changes.
 */
export type SyncPhase =
  | 'idle'
  | 'opening'
  | 'standby'
  | 'connecting'
  | 'importing'
  | 'syncing'
  | 'waiting'
  | 'synced'
  | 'failed'
  | 'closed';

/** How a sync gets on. Counts and rates are of this run. */
export interface SyncProgress {
  /** Newest durable height; `null` while there is none. */
  readonly height: number | null;
  /** The height this run goes to, as far as it is known: the peer's head or `to`; `null` while unknown. */
  readonly head: number | null;
  /** Blocks made durable in this run. */
  readonly blocks: number;
  /** Encoded bytes of those blocks. */
  readonly bytes: number;
  readonly blocksPerSecond: number;
  /** Encoded bytes per second. */
  readonly bytesPerSecond: number;
  /** Estimated time to `head`, in milliseconds; `null` while unknown. */
  readonly etaMs: number | null;
}

/**
 * A block is durable, and confirmed by as many peers as `agree` asks for. Small: the body is loaded on demand, so that a slow subscriber holds refs only; the sync waits for
 * one that loads the block of every event and is 2,048 behind.
 */
export interface BlockEvent {
  readonly type: 'block';
  readonly header: BlockHeader;
  /** Size of the document in bytes. */
  readonly documentBytes: number;
  /** How it came here; `stream` for one that an earlier run has stored. */
  readonly origin: 'stream' | 'json' | 'tiles';
  /** Loads the block from the store. @throws SyncError `STORE_*` */
  block(): Promise<Block>;
}

/** The engine entered a phase. */
export interface PhaseEvent {
  readonly type: 'phase';
  readonly phase: SyncPhase;
  readonly previous: SyncPhase;
}

/** How the sync gets on; at most four a second, the last one always comes. */
export interface ProgressEvent extends SyncProgress {
  readonly type: 'progress';
}

/** A batch of blocks is durable up to `head`, or what can be relied on has moved. */
export interface CheckpointEvent extends Pick<Checkpoint, 'confirmed' | 'finalized'> {
  readonly type: 'checkpoint';
  readonly head: BlockRef;
}

/**
 * Blocks that were told of were dropped, because the peer is on another branch from `to` on. The `block` events of the other branch follow;
 * the state is that after `to`.
 */
export interface RollbackEvent {
  readonly type: 'rollback';
  /** The new head. */
  readonly to: BlockRef;
  /** Newest first. */
  readonly dropped: readonly BlockRef[];
}

/**
 * A peer went back, or is on another branch, and its blocks are not enough to take the place of ours: they are kept, and
 * the peer is followed until it has more. A `rollback` follows when its branch is taken.
 */
export interface RollbackHeldEvent {
  readonly type: 'rollback-held';
  readonly peer: string;
  /** Our head, which stands. */
  readonly ours: BlockRef;
  /** The newest block of the peer that was verified. */
  readonly theirs: BlockRef;
}

/**
 * A producer has signed two different blocks at one height: one that is held, and one of a peer's branch. Told once. The
 * documents are the proof (`Chain.evidence`).
 */
export interface EquivocationEvent extends Equivocation {
  readonly type: 'equivocation';
  /** The peer that sent the other block; it may be honest. */
  readonly peer: string;
}

/** Peers are on other branches than this node. Told when that has changed. */
export interface DisagreementEvent {
  readonly type: 'disagreement';
  /** Our head. */
  readonly ours: BlockRef;
  /** The peers that have nothing else than we have, as far as both go. */
  readonly same: readonly string[];
  /** The peers that have other blocks. */
  readonly others: readonly {
    readonly peer: string;
    /** The head that it names. */
    readonly block: BlockRef;
    /** The newest block that it has in common with us; `null` when none is known. */
    readonly common: BlockRef | null;
  }[];
}

/** Fewer peers than `agree` asks for can be asked, so that what is stored is not confirmed, and nothing is handed on. */
export interface UnconfirmedEvent {
  readonly type: 'unconfirmed';
  /** The newest block here. */
  readonly head: BlockRef;
  /** The newest block that was confirmed; `null` when none was. */
  readonly confirmed: BlockRef | null;
  /** How many peers have to have it. */
  readonly agree: number;
  /** Who can't be asked, and why. */
  readonly missing: readonly { readonly peer: string; readonly error: SyncError }[];
}

/** Something happened with a peer. */
export interface PeerEvent {
  readonly type: 'peer';
  readonly peer: string;
  /**
   * `dropped`: it sent something provably false and is not asked again in this run; after a head that it could not
   * back, not for ten minutes. `lost`: it failed, or was too slow or too far behind, and may be asked again.
   */
  readonly status: 'connecting' | 'connected' | 'lost' | 'dropped';
  /** Why it was lost or dropped; `null` otherwise. */
  readonly error: SyncError | null;
}

/** The engine connects again, at once or after a wait. Each loss of a connection has one. */
export interface RetryEvent {
  readonly type: 'retry';
  readonly peer: string;
  readonly error: SyncError;
  /** Failures in a row without a new block, this one included. */
  readonly attempt: number;
  readonly delayMs: number;
}

/** The engine took a way to sync. */
export interface ModeEvent {
  readonly type: 'mode';
  readonly mode: SyncMode;
  /** The way before it in this run; `null` for the first. */
  readonly previous: SyncMode | null;
  readonly peer: string;
  /** Why, one sentence for people. */
  readonly reason: string;
}

/**
 * How taking a snapshot gets on; at most four `progress` a second. The blocks of a snapshot have no events of their
 * own: after `imported` they are all in the store at once.
 */
export interface SnapshotEvent extends SnapshotProgress, BlockRef {
  readonly type: 'snapshot';
  /** `resumed`: a download of an earlier run goes on. */
  readonly status: 'begun' | 'resumed' | 'progress' | 'imported';
  readonly id: string;
  readonly snapshotType: SnapshotType;
  /** Oldest block in it; `height` and `hash` are of the newest. */
  readonly base: number;
  /** The trusted keys that have signed it; empty when its hash was pinned. */
  readonly signers: readonly string[];
  /** How many keys are trusted here. */
  readonly trusted: number;
  readonly importedBlocks: number;
  /** Bytes of those blocks' documents. */
  readonly importedBytes: number;
  readonly totalBlocks: number;
}

/** The newest block became older than `staleAfterMs`, or a new one ended that. */
export interface StaleEvent {
  readonly type: 'stale';
  /** Whether the node counts as cut off now. */
  readonly stale: boolean;
  /** Age of the newest block, in milliseconds. */
  readonly ageMs: number;
  /** The newest block; `null` when there is none. */
  readonly head: BlockRef | null;
}

/** Something the host may want to know that stops nothing. */
export interface WarningEvent {
  readonly type: 'warning';
  readonly code: ErrorCode;
  readonly message: string;
}

/**
 * Everything an engine tells.
 *
 * `block` events come after the commit that makes them true, in order, parent before child, none left out. Only a
 * `rollback` goes back: the next `block` is the one above its `to`.
 */
export type SyncEvent =
  | BlockEvent
  | PhaseEvent
  | ModeEvent
  | SnapshotEvent
  | ProgressEvent
  | CheckpointEvent
  | RollbackEvent
  | RollbackHeldEvent
  | EquivocationEvent
  | DisagreementEvent
  | UnconfirmedEvent
  | PeerEvent
  | RetryEvent
  | StaleEvent
  | WarningEvent;

/** A moment's view of an engine. */
export interface SyncState {
  readonly phase: SyncPhase;
  /** As of the last commit; `null` before the store is open. */
  readonly checkpoint: Checkpoint | null;
  readonly progress: SyncProgress;
  /** The way of syncing in use; `null` before one is chosen. */
  readonly mode: SyncMode | null;
  /** Whether the newest block is older than `staleAfterMs` allows; false when nothing is watched. */
  readonly stale: boolean;
  /** The peer in use; `null` when there is none. */
  readonly peer: string | null;
  /** Why the engine failed; `null` unless the phase is `failed`. */
  readonly error: SyncError | null;
}

export type { SyncMode } from '../modes.js';
