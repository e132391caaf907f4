import type { BlockHeader, BlockRange, BlockRef } from './block.js';
import type { Peer } from './peer.js';
import type { SnapshotSummary } from './snapshot.js';
import type { TileEntry, VerifiedTile, VerifyTile } from './tile.js';

/** What a peer says of its tiles. */
export interface PeerTiles extends BlockRange {
  /** Settled blocks behind the last tile that a folder of files has as one body; `null` for none. */
  readonly tail: TileEntry | null;
}

/** A peer's status document (protocol section 2.1), checked for shape. What it claims is not proved by it. */
export interface PeerStatus {
  readonly protocol: number;
  readonly chain: string;
  readonly chainId: string | null;
  readonly base: number;
  readonly head: BlockRef | null;
  readonly finalized: BlockRef | null;
  readonly codecs: {
    readonly stream: readonly string[];
    readonly json: readonly string[];
    readonly snapshot: readonly string[];
    /** Codecs of ranges of frames; absent where the peer has none. */
    readonly frames?: readonly string[];
  };
  /** Codec that the peer holds its newest block in, which it sends without work; `null` when it doesn't say. */
  readonly storedAs: string | null;
  /** First and last height that the peer has in tiles; `null` when it has none. */
  readonly tiles: PeerTiles | null;
  /** Most blocks of one range; `null` when the peer doesn't say. */
  readonly maxRange: number | null;
  /** How long the peer lets a range wait for its first block, in milliseconds; `null`, or absent, for a peer that answers at once. */
  readonly maxWaitMs?: number | null;
  /** Snapshots that are ready. */
  readonly snapshots: readonly SnapshotSummary[];
  /** Keys that the peer signs with. */
  readonly signers: readonly string[];
}

/** What the engine asks a peer for. */
export interface StreamRequest {
  readonly peer: Peer;
  /** The newest block the client has; `null` when it has none. The peer may answer `FORKED` when it is not on its chain. */
  readonly after: BlockRef | null;
  /** First height wanted: `after.height + 1`, or the base of an empty store. */
  readonly from: number;
  /** Last height wanted, included; `null` for all there are. */
  readonly to: number | null;
  /** Codecs the client can decode, best first. */
  readonly acceptCodecs: readonly string[];
  /** Whether to go on with new blocks after the head was reached. */
  readonly follow: boolean;
  /**
   * Reads a block's place from its document, or its frame in a codec (`identity` by default): {@link ChainRules.describe}.
   * Lets a transport see where a plain server begins that ignores what was asked for, and whether two answers are of one
   * branch. Nothing is verified by it.
   */
  readonly describe?: (bytes: Uint8Array, codec?: string) => BlockHeader;
  /**
   * Further peers of the same chain that tiles may be fetched from as well; absent where the transport is not asked for
   * tiles. Without `onPeerFailure` they are not used.
   */
  readonly others?: readonly PeerWithStatus[];
  /** Checks a tile; absent where the transport is not asked for tiles. */
  readonly verifyTile?: VerifyTile;
  /** One of {@link StreamRequest.others} failed and is not used any more; the request goes on without it. */
  readonly onPeerFailure?: (peer: Peer, error: Error) => void;
}

/** A peer and what it said of itself. */
export interface PeerWithStatus {
  readonly peer: Peer;
  readonly status: PeerStatus;
}

/** A block as it came over the wire: nothing about it is verified. */
export interface WireFrame {
  readonly kind: 'frame';
  /** The height the peer states; `null` when it states none. */
  readonly height: number | null;
  readonly codec: string;
  readonly bytes: Uint8Array;
}

/** The peer says that everything above `to` is void. */
export interface WireRollback {
  readonly kind: 'rollback';
  readonly to: BlockRef;
}

/** The peer says that it has sent all it had. */
export interface WireComplete {
  readonly kind: 'complete';
  /** The peer's head at that moment; `hash` is `null` when a plain server leaves it out, `head` is `null` for an empty chain. */
  readonly head: { readonly height: number; readonly hash: string | null } | null;
}

/** A tile that a transport has fetched and had verified: all that is left to check is what it follows. */
export interface WireTile {
  readonly kind: 'tile';
  readonly tile: VerifiedTile;
  /** Who sent it, where that is one of {@link StreamRequest.others}. */
  readonly peer?: Peer;
  /** Length of the body as it came; absent where it is that of the tile. */
  readonly receivedBytes?: number;
}

/** One thing a peer sent. */
export type WireItem = WireFrame | WireTile | WireRollback | WireComplete;

/** The client half of a way to fetch blocks. One instance serves all peers of an engine. */
export interface Transport {
  /** Plugin name: `sse`. */
  readonly name: string;
  /** The `mode` that selects it; `tiles` is taken by `auto` and `json`, for what the peer has in tiles. */
  readonly mode: 'stream' | 'json' | 'tiles';
  readonly supports: {
    /** Can go on live after the head. */
    readonly follow: boolean;
  };
  /**
   * Reads the peer's status document.
   *
   * @returns `null` when the server has none (404), as a plain stream server may.
   * @throws SyncError `PEER_*`
   */
  status(peer: Peer, options: { readonly signal: AbortSignal }): Promise<PeerStatus | null>;
  /**
   * Asks whether a block is on the peer's chain, without its bytes. Only for a peer whose status names a head that is not
   * below the block. A transport without this is not used to confirm blocks.
   *
   * @throws SyncError `PEER_*`, `BELOW_BASE`
   */
  holds?(peer: Peer, ref: BlockRef, options: { readonly signal: AbortSignal }): Promise<boolean>;
  /**
   * Bytes of a peer's tiles in a range, as its index has them; of a long one an estimate from some of its pages. For the mode
   * `tiles`; without it, what tiles would bring is not weighed against a snapshot.
   *
   * @param options - `acceptCodecs` as {@link StreamRequest.acceptCodecs}; default gzip.
   * @throws SyncError `PEER_*`, `STREAM_*`, `PROTOCOL_VIOLATION`
   */
  sizeOf?(
    peer: PeerWithStatus,
    range: BlockRange,
    options: { readonly signal: AbortSignal; readonly acceptCodecs?: readonly string[] },
  ): Promise<number>;
  /**
   * Fetches blocks in order; yields one array per network read. Ends after `complete`; when following, where the server
   * ends in good order what it has completed, as it does after a time. A body that ends early throws `STREAM_TRUNCATED`;
   * nothing unfinished is yielded.
   *
   * @throws SyncError `PEER_*`, `FORKED`, `BELOW_BASE`, `STREAM_*`
   */
  open(request: StreamRequest, options: { readonly signal: AbortSignal }): AsyncIterable<readonly WireItem[]>;
  /** Gives up what it keeps between two calls of `open`. Called once, when its engine is closed. */
  close?(): Promise<void>;
}
