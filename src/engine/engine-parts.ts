import type { StoreParts } from '../chain/open-store.js';
import { type ChainLimits, type ChainSettings, DEFAULT_CHAIN_LIMITS } from '../chain/settings.js';
import type {
  BlockRef,
  CodecWorkers,
  SignatureScheme,
  SnapshotTransport,
  SnapshotType,
  Transport,
  TrustOptions,
} from '../contracts/index.js';
import type { RetryOptions } from './backoff.js';
import type { WantedMode } from './modes.js';
import type { ConfiguredPeer } from './peers/peer-record.js';

/** Bounds of an engine (protocol section 4). Sizes in bytes, times in milliseconds. */
export interface EngineLimits extends ChainLimits {
  /**
   * Blocks in one commit at most; 2,048 where they come in tiles and this is less, since no tile is divided.
   *
   * @defaultValue 512
   */
  readonly maxBatchBlocks: number;
  /**
   * Verified bytes that may wait for the disk before the network has to wait.
   *
   * @defaultValue 2 MiB
   */
  readonly maxPendingBytes: number;
  /**
   * Encoded bytes of a peer's branch, if it has more than one block: it takes the place of ours in one batch, for which
   * all of it is held in memory. The code of a larger one is `BRANCH_TOO_LARGE`.
   *
   * @defaultValue 256 MiB
   */
  readonly maxBranchBytes: number;
  /**
   * Slowest rate of a peer while blocks are due from it and another peer could be asked, in encoded bytes a second over
   * 20 s; 0 for none.
   *
   * @defaultValue 8 KiB
   */
  readonly minBytesPerSecond: number;
  /**
   * How often a stream is tried again while a peer is followed by long poll, as something on the way holds streams back; in
   * milliseconds.
   *
   * @defaultValue 600,000, ten minutes
   */
  readonly streamRetryMs: number;
}

/** Defaults of {@link EngineLimits}. */
export const DEFAULT_ENGINE_LIMITS: EngineLimits = {
  ...DEFAULT_CHAIN_LIMITS,
  maxBatchBlocks: 512,
  maxPendingBytes: 2 * 1024 * 1024,
  maxBranchBytes: 256 * 1024 * 1024,
  minBytesPerSecond: 8 * 1024,
  streamRetryMs: 600_000,
};

/** Settings of an engine, complete and checked. */
export interface EngineSettings extends ChainSettings {
  readonly peers: readonly ConfiguredPeer[];
  /** How to sync. */
  readonly mode: WantedMode;
  /** Whose snapshots are taken; `null` takes none. */
  readonly trust: TrustOptions | null;
  readonly snapshotType: SnapshotType;
  /** An empty node that is fewer blocks behind than this takes no snapshot by itself. */
  readonly minSnapshotBlocks: number;
  /** A block of the one branch that may begin deeper; `null` when none may. */
  readonly acceptRollback: BlockRef | null;
  /** Whether to go on with live blocks once the peers' head is reached. */
  readonly follow: boolean;
  /** How many peers have to have a block before it is confirmed. */
  readonly agree: number;
  /** How long a peer is followed whose blocks stay unconfirmed while enough others have another one, in milliseconds. */
  readonly confirmTimeoutMs: number;
  /** Age of the newest block, in milliseconds, above which a node counts as cut off; `null` for none. */
  readonly staleAfterMs: number | null;
  /** How often the heads of all peers are compared while following, and files are looked at again, in milliseconds. */
  readonly headCheckMs: number;
  /** Most worker threads that tiles are checked on. */
  readonly threads: number;
  /** Last height wanted; `null` for all. */
  readonly to: number | null;
  readonly retry: RetryOptions;
  readonly limits: EngineLimits;
}

/** What an engine takes snapshots with. */
export interface SnapshotParts {
  readonly transport: SnapshotTransport;
  readonly workers: CodecWorkers;
  /** Codecs of snapshots that can be decoded here, best first. */
  readonly codecs: readonly string[];
  /** Where parts of a snapshot are kept until it is imported; `null` keeps none. */
  readonly directory: string | null;
}

/** The plugins of one engine, resolved. Nothing in it is shared with another engine. */
export interface EngineParts extends StoreParts {
  readonly transports: readonly Transport[];
  /** Codecs to ask peers for, best first. */
  readonly acceptCodecs: readonly string[];
  /** Rules that may be taken over from a peer's word, by name: those that recompute hashes. */
  readonly adoptableRules: readonly string[];
  /** `null` when no snapshot may be taken. */
  readonly snapshots: SnapshotParts | null;
  /** The signature scheme; loaded at its first use. */
  signatures(): Promise<SignatureScheme>;
}
