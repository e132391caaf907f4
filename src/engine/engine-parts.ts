import type {
  ChainRules,
  CodecRegistry,
  CodecWorkers,
  Peer,
  SignatureScheme,
  SnapshotTransport,
  SnapshotType,
  StateTransition,
  Storage,
  Transport,
  TrustOptions,
} from '../contracts/index.js';
import type { RetryOptions } from './backoff.js';
import type { Finality } from '../chain/finality.js';
import type { StorageEncoding } from '../chain/storage-encoding.js';
import type { SyncMode } from './modes.js';

/** Bounds of an engine (protocol section 4). Sizes in bytes. */
export interface EngineLimits {
  /** Largest decoded block. Default 64 MiB. */
  readonly maxBlockBytes: number;
  /** Blocks in one commit at most. Default 512. */
  readonly maxBatchBlocks: number;
  /** Verified bytes that may wait for the disk before the network has to wait. Default 2 MiB. */
  readonly maxPendingBytes: number;
  /**
   * Slowest rate of a peer while blocks are due from it and another peer could be asked, in encoded bytes a second over
   * 20 s. Default 8 KiB; 0 for none.
   */
  readonly minBytesPerSecond: number;
}

/** Defaults of {@link EngineLimits}. */
export const DEFAULT_ENGINE_LIMITS: EngineLimits = {
  maxBlockBytes: 64 * 1024 * 1024,
  maxBatchBlocks: 512,
  maxPendingBytes: 2 * 1024 * 1024,
  minBytesPerSecond: 8 * 1024,
};

/** Settings of an engine, complete and checked. */
export interface EngineSettings {
  readonly peers: readonly Peer[];
  /** How to sync. */
  readonly mode: SyncMode | 'auto';
  /** Whose snapshots are taken; `null` takes none. */
  readonly trust: TrustOptions | null;
  readonly snapshotType: SnapshotType;
  /** An empty node that is fewer blocks behind than this takes no snapshot by itself. */
  readonly minSnapshotBlocks: number;
  /** Chain rules by name; `null` leaves them to the store and the peer. */
  readonly chain: string | null;
  /** The chain's name, when the host pins it. */
  readonly chainId: string | null;
  /** Height of the first block of an empty store. */
  readonly base: number;
  /** What blocks do to the state; `null` when there is none. */
  readonly stateTransition: StateTransition | null;
  /** Which blocks can't be rolled back; `null` for none but those of a snapshot. */
  readonly finality: Finality | null;
  /** Whether to go on with live blocks once the peers' head is reached. */
  readonly follow: boolean;
  /** How many peers have to be on one chain before it is believed. */
  readonly agree: number;
  /** Age of the newest block, in milliseconds, above which a node counts as cut off; `null` for none. */
  readonly staleAfterMs: number | null;
  /** How often the heads of all peers are compared while following, in milliseconds. */
  readonly headCheckMs: number;
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
export interface EngineParts {
  readonly storage: Storage;
  readonly codecs: CodecRegistry;
  readonly transports: readonly Transport[];
  /** Codecs to ask peers for, best first. */
  readonly acceptCodecs: readonly string[];
  readonly encoding: StorageEncoding;
  /** Rules that may be taken over from a peer's word, by name: those that recompute hashes. */
  readonly adoptableRules: readonly string[];
  /** `null` when no snapshot may be taken. */
  readonly snapshots: SnapshotParts | null;
  /** The signature scheme; loaded at its first use. */
  signatures(): Promise<SignatureScheme>;
  /** @throws SyncError `PLUGIN_UNKNOWN` */
  rules(id: string): Promise<ChainRules>;
  /** Closes everything that was made, in reverse order. */
  close(): Promise<void>;
}
