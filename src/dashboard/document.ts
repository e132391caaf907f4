import type { BlockRef } from '../contracts/index.js';
import type { SyncPhase } from '../engine/events/events.js';

/** An error as the page shows it. */
export interface ShownError {
  readonly code: string;
  readonly message: string;
}

/** What is shown of one peer. */
export interface ShownPeer {
  /** Without credentials and query. */
  readonly url: string;
  readonly state: PeerState;
  /** The height that it claimed last, or that it was followed to; `null` when it claimed none. */
  readonly head: number | null;
  /** Blocks that it is behind the highest height known of; `null` for one that claimed none, or was dropped. */
  readonly lag: number | null;
  readonly latencyMs: number | null;
  readonly bytesPerSecond: number | null;
  readonly failures: number;
  /** How long it is not asked, in milliseconds; 0 when it may be. */
  readonly bannedForMs: number;
  /** Why it was dropped or lost last; `null` when it was not, or works again. */
  readonly why: ShownError | null;
}

/** `active`: in use. `ready`: may be asked. `waiting`: is left alone for a while. `dropped`: is not asked in this run. */
export type PeerState = 'active' | 'ready' | 'waiting' | 'dropped';

/** One change of branch, or a sign of one. */
export interface ShownFork {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly kind: 'rollback' | 'held' | 'equivocation' | 'disagreement';
  /** Newest height that both branches have; of an equivocation the height of the two blocks; `null` when unknown. */
  readonly height: number | null;
  /** Blocks that were dropped; 0 when none were. */
  readonly dropped: number;
  /** The head that was dropped or is kept; `null` when unknown. */
  readonly ours: BlockRef | null;
  /** The other block; `null` when unknown. */
  readonly theirs: BlockRef | null;
  /** Whose the other branch is; `null` when unknown. */
  readonly peer: string | null;
}

/** What one second brought: number of the sample, milliseconds since 1970, blocks, bytes. */
export type Sample = readonly [number: number, at: number, blocks: number, bytes: number];

/** A snapshot that this node took or takes. */
export interface ShownImport {
  readonly status: 'begun' | 'resumed' | 'progress' | 'imported';
  readonly type: string;
  readonly height: number;
  readonly verifiedBytes: number;
  readonly totalBytes: number;
  readonly importedBlocks: number;
  readonly totalBlocks: number;
  /** Trusted keys that have signed it; 0 when its hash was pinned. */
  readonly signed: number;
  /** Keys that are trusted. */
  readonly trusted: number;
}

/** What this node hands on. */
export interface ShownServer {
  readonly openStreams: number;
  readonly maxStreams: number;
  readonly tiles: { readonly from: number; readonly to: number } | null;
  readonly snapshots: readonly {
    readonly type: string;
    readonly height: number;
    readonly id: string;
  }[];
  /** Keys that it signs with. */
  readonly signers: readonly string[];
}

/** Everything the page shows. Bounded in bytes, whatever the node does. */
export interface DashboardDocument {
  readonly version: 1;
  /** Milliseconds since 1970, on this node. */
  readonly at: number;
  readonly chain: string | null;
  readonly chainId: string | null;
  /** `serving` for a node without an engine. */
  readonly phase: SyncPhase | 'serving';
  readonly mode: string | null;
  readonly stale: boolean;
  readonly error: ShownError | null;
  readonly etaMs: number | null;
  readonly base: number;
  /** Highest height that is known of: claimed by peers, or here. */
  readonly top: number | null;
  /** Whether `top` is a peer's claim. */
  readonly isClaim: boolean;
  readonly here: BlockRef | null;
  readonly confirmed: BlockRef | null;
  readonly final: BlockRef | null;
  /** Newest block that rests on the signatures of a snapshot. */
  readonly assumed: BlockRef | null;
  /** Oldest first. A document of a stream has the last few only. */
  readonly samples: readonly Sample[];
  readonly peers: readonly ShownPeer[];
  /** Newest first. */
  readonly forks: readonly ShownFork[];
  /** `null` when none was taken in this run. */
  readonly snapshot: ShownImport | null;
  /** Tiles of the store, as far as they are known; `null` for none. */
  readonly server: ShownServer | null;
  /** Pages like this one that are open. */
  readonly watchers: number;
}
