import type { BlockRef } from './block.js';
import type { Peer } from './peer.js';
import type { StateEntry, StateTable } from './state.js';

/** `recent`: the newest blocks and the state. `full`: all blocks and the state. */
export type SnapshotType = 'recent' | 'full';

/** What a status document tells of one snapshot. */
export interface SnapshotSummary extends BlockRef {
  readonly type: SnapshotType;
  readonly id: string;
  /** Where the snapshot is in files, the codec of its parts; absent elsewhere. */
  readonly codec?: string;
  /** Where the snapshot is in files, the path of its manifest below the peer's URL; absent elsewhere. */
  readonly manifest?: string;
}

/** One independently decodable piece of a snapshot's body. */
export interface SnapshotPart {
  /** Of the encoded piece in the body, in bytes. */
  readonly offset: number;
  readonly length: number;
  /** Of the decoded piece, in bytes. */
  readonly rawLength: number;
  /** Of the encoded piece, lower-case hex. */
  readonly sha256: string;
}

/** One organisation's word for a manifest. */
export interface SnapshotSignature {
  readonly signer: string;
  readonly signature: string;
}

/** The manifest of a snapshot (protocol section 2.5), checked for shape: sums, order and root are right. */
export interface SnapshotManifest {
  readonly version: 1;
  readonly id: string;
  readonly chainId: string;
  readonly chain: string;
  readonly type: SnapshotType;
  readonly height: number;
  readonly base: number;
  readonly blockHash: string;
  /** When it was made, in milliseconds since 1970. */
  readonly timestamp: number;
  readonly codec: string;
  /** SHA-256 of the document before `,"hash":"`, lower-case hex. */
  readonly hash: string;
  /** Bytes of the encoded body. */
  readonly size: number;
  /** Bytes of the document. */
  readonly rawSize: number;
  readonly parts: readonly SnapshotPart[];
  /** RFC 6962 tree hash over the parts' `sha256`, lower-case hex. */
  readonly root: string;
  readonly signatures: readonly SnapshotSignature[];
}

/** What a manifest says besides its parts. */
export type SnapshotClaims = Omit<SnapshotManifest, 'parts'>;

/** How a download gets on. */
export interface SnapshotProgress {
  /** Bytes of the encoded body that are here and verified, those of earlier runs included. */
  readonly verifiedBytes: number;
  /** Of those, bytes that an earlier run had left behind. */
  readonly keptBytes: number;
  readonly totalBytes: number;
  readonly verifiedParts: number;
  readonly totalParts: number;
}

/** What a snapshot holds, in the order of the document; everything of it rests on verified parts. */
export type SnapshotItem =
  | { readonly kind: 'state'; readonly table: StateTable; readonly entries: readonly StateEntry[] }
  | {
      readonly kind: 'blocks';
      readonly documents: readonly Uint8Array[];
      /** Whether nothing else uses the documents' memory any more, so that it may be handed on to another thread. */
      readonly owned: boolean;
    }
  /** Comes last, once the whole document agreed with the manifest; the signature is the document's own, unchecked. */
  | { readonly kind: 'end'; readonly signer: string; readonly signature: string };

/** What the engine asks for; the manifest is one that it trusts. */
export interface SnapshotRequest {
  readonly manifest: SnapshotManifest;
  /** Peers to fetch parts from. */
  readonly peers: readonly Peer[];
  /** Where verified parts are kept for the next run; `null` keeps none. */
  readonly directory: string | null;
  /** Largest block, in bytes. */
  readonly maxBlockBytes: number;
  /** Runs when parts were verified. */
  onProgress(progress: SnapshotProgress): void;
  /** A peer failed or sent a false part; the download goes on from the others while there are any. */
  onPeerFailure(peer: Peer, error: Error): void;
}

/** The client half of a way to fetch snapshots. One instance serves all peers of an engine. */
export interface SnapshotTransport {
  /** Plugin name: `snapshot`. */
  readonly name: string;
  /**
   * Fetches the manifest of a peer's newest snapshot of a type, in a codec that can be decoded here.
   *
   * @param want - `offered`: what the peer's status document says of its snapshots; where it is left out, the transport asks
   *   for it if it needs it.
   * @returns `null` when the peer has no such snapshot.
   * @throws SyncError `PEER_*`, `SNAPSHOT_CORRUPT`, `SNAPSHOT_BUILDING`, and what `check` throws
   */
  manifest(
    peer: Peer,
    want: {
      readonly type: SnapshotType;
      readonly codecs: readonly string[];
      readonly offered?: readonly SnapshotSummary[];
    },
    options: {
      readonly signal: AbortSignal;
      /** Refuses a manifest for what it says, its signatures too, before any work is done for its parts. Default: none is. */
      readonly check?: (claims: SnapshotClaims) => Promise<void>;
    },
  ): Promise<SnapshotManifest | null>;
  /** The manifest of a download that an earlier run began in this directory; `null` when there is none. */
  begun(directory: string): Promise<SnapshotManifest | null>;
  /** Removes what a download has left in this directory. */
  forget(directory: string): Promise<void>;
  /**
   * Fetches and verifies parts, several at once, and yields what is in them. The memory held is bounded whatever the
   * snapshot's size.
   *
   * @throws SyncError `SNAPSHOT_CORRUPT`, `SNAPSHOT_GONE`, `PEER_*`, `ABORTED`
   */
  open(request: SnapshotRequest, options: { readonly signal: AbortSignal }): AsyncIterable<SnapshotItem>;
}
