import type { CodecRegistry } from './codec.js';
import type { SnapshotSummary } from './snapshot.js';
import type { BlockSource } from './source.js';
import type { PeerTiles } from './transport.js';
import type { CodecWorkers } from './workers.js';

/** An HTTP request without the framework that received it. */
export interface EndpointRequest {
  /** Upper case. */
  readonly method: string;
  /** Path below the mount point: `/stream`. */
  readonly path: string;
  /** Undecoded query string without the question mark. */
  readonly query: URLSearchParams;
  /** Value of a header by lower-case name; `null` when absent. */
  header(name: string): string | null;
}

/** An HTTP response without the framework that sends it. */
export interface EndpointResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Pulled only as fast as the client takes it; `null` for none. Its `return` is called when the client goes away. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | null;
  /**
   * Called once the system has taken all of the body: nobody reads its bytes any more. Not called where its client has gone,
   * nor where middleware was given the bytes, which may have kept them. Default: nothing.
   */
  readonly onSent?: (() => void) | undefined;
}

/** What an endpoint gets from the server it is part of. */
export interface EndpointDeps {
  readonly source: BlockSource;
  readonly codecs: CodecRegistry;
  readonly limits: ServerLimits;
  /** Who may keep answers that do not change. */
  readonly cache: CachePolicy;
  /** Codec work on worker threads; started at its first use. */
  readonly workers: CodecWorkers;
}

/** Who may keep an answer that does not change: its client alone, any cache on the way, or nobody. */
export type CachePolicy = 'private' | 'public' | 'no-store';

/** Bounds of a server (protocol section 4). */
export interface ServerLimits {
  /**
   * Longest silence on a stream before a heartbeat comment, in milliseconds.
   *
   * @defaultValue 15,000
   */
  readonly heartbeatMs: number;
  /**
   * A client that takes nothing for this long is closed, in milliseconds.
   *
   * @defaultValue 30,000
   */
  readonly writeStallMs: number;
  /**
   * A stream ends after this time, give or take a tenth, in milliseconds, when its client has everything and an event is
   * complete; the client asks for the next. So places are free again whose clients have gone without a word.
   *
   * @defaultValue 600,000, ten minutes
   */
  readonly maxStreamMs: number;
  /**
   * A stream that its client has named ends like that when the client has not renewed the name for this long, in
   * milliseconds (protocol section 2.2). Clients renew it three times as often.
   *
   * @defaultValue 60,000
   */
  readonly streamLeaseMs: number;
  /**
   * A request for a range that is to wait for its first block is answered after this time at the latest, in milliseconds,
   * with an empty range (protocol section 2.3). Below the time after which proxies on the way give up.
   *
   * @defaultValue 25,000
   */
  readonly maxWaitMs: number;
  /**
   * Largest decoded block served, in bytes.
   *
   * @defaultValue 64 MiB
   */
  readonly maxBlockBytes: number;
  /**
   * Most blocks of one range request.
   *
   * @defaultValue 10,000
   */
  readonly maxRange: number;
  /**
   * Streams open at once, and in addition as many other answers.
   *
   * @defaultValue 1,000
   */
  readonly maxStreams: number;
  /**
   * Streams open at once for one client, which is known by its address unless the host gives it another key.
   *
   * @defaultValue 20
   */
  readonly maxStreamsPerAddress: number;
  /**
   * Ranges, tiles, snapshots and manifests that one client is sent at once, in addition to its streams. A node asks for four at
   * a time at most.
   *
   * @defaultValue 32
   */
  readonly maxAnswersPerClient: number;
}

/** The server half of a way to fetch blocks. */
export interface Endpoint {
  /** Plugin name: `sse`. */
  readonly name: string;
  /** Key under `codecs` of the status document, and the codecs that this endpoint serves. */
  readonly codecs: {
    readonly stream?: readonly string[];
    readonly json?: readonly string[];
    readonly snapshot?: readonly string[];
    readonly frames?: readonly string[];
  };
  /** Exact paths below the mount point. */
  readonly paths: readonly string[];
  /** Beginnings of further paths that are this endpoint's: `/snapshot/`. Default none. */
  readonly prefixes?: readonly string[];
  /**
   * Whether a response is a long-lived stream without an end of its own: it counts as one, and a server that closes ends it
   * at once. All others count as answers, and may come to their end.
   */
  readonly streams: boolean;
  /**
   * Whether a request may be held until there is something to answer: it counts as a stream then, and a server that
   * closes ends the wait at once. Of an endpoint whose answers are no streams; `false` by default.
   */
  waits?(request: EndpointRequest): boolean;
  /**
   * The name that a client has given its stream; `null` for none, and by default. Of the streams of one name the newest
   * goes on, and those before it are ended.
   *
   * @throws SyncError `BAD_REQUEST` for what is no name
   */
  streamName?(request: EndpointRequest): StreamName | null;
  /**
   * Answers a request. Errors that it throws before it returns become `application/problem+json`.
   *
   * @throws SyncError with a code that has an HTTP status
   */
  handle(request: EndpointRequest, options: EndpointHandleOptions): Promise<EndpointResponse>;
  /** What the status document tells of this endpoint's snapshots and tiles, as far as it knows at once. */
  describe?(): EndpointDescription;
  /** Looks at what `describe` tells; awaited before a status is answered. Must not take long, and never rejects. */
  refresh?(): Promise<void>;
  /** Stops what the endpoint does by itself and waits for it. */
  close?(): Promise<void>;
}

/** What a request says of its client's stream. */
export interface StreamName {
  /** A secret of the client. It must get into no log and no error. */
  readonly name: string;
  /** Whether the request asks for nothing, and only says that the client is there. */
  readonly renews: boolean;
}

/** An endpoint's share of the status document. */
export interface EndpointDescription {
  readonly snapshots: readonly SnapshotSummary[];
  /** Public keys that it signs with. */
  readonly signers: readonly string[];
  /** First and last height of its tiles. Absent, as `null`, for none. */
  readonly tiles?: PeerTiles | null;
}

/** What a server gives an endpoint with each request. */
export interface EndpointHandleOptions {
  /** Fires when the client has gone or the server closes; the body ends then. */
  readonly signal: AbortSignal;
  /**
   * Fires when the client has not renewed the name of its stream in time: the body ends once the client has everything and
   * an event is complete. Absent where the stream has no name.
   */
  readonly expired?: AbortSignal;
  /** What the client's answers are counted under: an address, or what the host tells clients by. Absent where it is not told. */
  readonly clientKey?: string;
  /** Tells which heights the answer gives, in any number of parts: whoever keeps a record wants to know. Absent where nobody does. */
  readonly onHeights?: (from: number, to: number) => void;
  /** Tells the operator of a failure after the body has begun, which no response can tell of any more. */
  readonly onError?: (error: unknown) => void;
}
