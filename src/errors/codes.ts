import { errorTexts } from '#error-texts';

/** What is known about an error code without knowing the occasion. */
export interface ErrorCodeInfo {
  /** What it means, one sentence. In a browser it names the document that says so. */
  readonly summary: string;
  /** What to do next, one sentence. In a browser it names the document that says so. */
  readonly action: string;
  /** Whether the same request may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  /** Whether it proves that the peer sent something false. */
  readonly provesLie: boolean;
  /** The HTTP status a server answers with; `null` when a server never answers with this code. */
  readonly status: number | null;
}

type Facts = Partial<Omit<ErrorCodeInfo, 'summary' | 'action'>>;

const lie = { provesLie: true } as const;
const retry = { retryable: true } as const;

function infos<C extends string>(facts: Readonly<Record<C, Facts>>): Readonly<Record<C, ErrorCodeInfo>> {
  const none = { retryable: false, provesLie: false, status: null };
  const entries = Object.entries<Facts>(facts).map(([code, more]) => [
    code,
    { ...errorTexts(code), ...none, ...more },
  ]);
  return Object.fromEntries(entries) as Readonly<Record<C, ErrorCodeInfo>>;
}

/** Every error code of the package. Each has its words in `texts.ts`, and a heading of its own in `docs/errors.md`. */
export const ERROR_CODES = infos({
  // Blocks and chains
  BLOCK_MALFORMED: { ...lie, status: 400 },
  BLOCK_TOO_LARGE: { status: 500 },
  HASH_MISMATCH: lie,
  HEIGHT_MISMATCH: lie,
  HEIGHT_GAP: lie,
  PARENT_MISMATCH: lie,
  GENESIS_MISMATCH: lie,
  TILE_MISMATCH: lie,
  CHAIN_MISMATCH: {},
  CHECKPOINT_MISMATCH: lie,
  PRODUCER_UNKNOWN: lie,
  SIGNATURE_INVALID: lie,
  VALIDATORS_CHANGED: lie,
  FORKED: { status: 409 },
  BELOW_BASE: { status: 410 },
  BELOW_FINALIZED: {},
  ROLLBACK_TOO_DEEP: {},
  BRANCH_TOO_LARGE: {},
  // Codecs
  CODEC_UNAVAILABLE: { status: 400 },
  CODEC_CORRUPT: lie,
  CODEC_OUTPUT_TOO_LARGE: lie,
  // Storage
  STORE_LOCKED: {},
  STORE_READ_ONLY: {},
  STORE_NOT_FOUND: {},
  STORE_NOT_RECOGNIZED: {},
  STORE_VERSION: {},
  STORE_DAMAGED: {},
  STORE_GAP: {},
  STORE_FULL: { status: 503 },
  STORE_IO: { status: 503 },
  STORE_UNAVAILABLE: { ...retry, status: 503 },
  STORE_CLOSED: {
    status: 503,
  },
  // Producing
  PRODUCE_BUSY: { ...retry, status: 503 },
  KEY_REUSED: { status: 422 },
  ENGINE_WRITES: { status: 409 },
  // Peers and streams
  PEER_UNREACHABLE: retry,
  PEER_CERTIFICATE: {},
  PEER_TIMEOUT: retry,
  PEER_UNAUTHORIZED: {},
  CREDENTIALS_UNAVAILABLE: retry,
  CREDENTIALS_EXPOSED: {},
  PEER_NOT_FOUND: {},
  PEER_REFUSED: {},
  PEER_BUSY: retry,
  PEER_NOT_SYNC: {},
  REDIRECT_REFUSED: {},
  PROTOCOL_UNSUPPORTED: {},
  PROTOCOL_VIOLATION: lie,
  PEER_DAMAGED: { status: 500 },
  PEER_ERROR: retry,
  STREAM_TRUNCATED: retry,
  STREAM_IDLE: retry,
  STREAM_BUFFERED: retry,
  STREAM_NO_PROGRESS: retry,
  EVENT_TOO_LARGE: {},
  PEER_SLOW: retry,
  PEER_BEHIND: retry,
  HEADS_DISAGREE: retry,
  PEER_OUTVOTED: retry,
  HEAD_STALE: retry,
  PEER_INCONSISTENT: retry,
  HEAD_AGE_UNKNOWN: {},
  HEAD_UNPROVED: retry,
  // Snapshots
  SNAPSHOT_UNAVAILABLE: { status: 404 },
  SNAPSHOT_BUILDING: {
    ...retry,
    status: 503,
  },
  SNAPSHOT_GONE: {
    ...retry,
    status: 404,
  },
  SNAPSHOT_UNTRUSTED: {},
  SNAPSHOT_EXPIRED: {},
  SNAPSHOT_STALE: {},
  SNAPSHOT_CORRUPT: lie,
  CHECKPOINT_UNCOVERED: {},
  KEY_UNUSABLE: {},
  STATE_FAILED: {},
  // Requests to a server
  BAD_REQUEST: { status: 400 },
  RANGE_TOO_LARGE: { status: 400 },
  NOT_FOUND: { status: 404 },
  METHOD_NOT_ALLOWED: {
    status: 405,
  },
  TOO_MANY_STREAMS: {
    status: 429,
  },
  SERVER_BUSY: {
    status: 503,
  },
  NOT_READY: { ...retry, status: 503 },
  UNAUTHORIZED: { status: 401 },
  FORBIDDEN: { status: 403 },
  INTERNAL: { status: 500 },
  // Engine, configuration, command line
  PLUGIN_UNKNOWN: {},
  PLUGIN_INCOMPATIBLE: {},
  ENGINE_CLOSED: {},
  ENGINE_STARTED: {},
  HANDLER_FAILED: {},
  ABORTED: {},
  PORT_IN_USE: {},
  INPUT_UNREADABLE: {},
  INPUT_MALFORMED: {},
  PUBLISH_CONFLICT: {},
  PUBLISH_FAILED: retry,
  CONFORMANCE_FAILED: {},
});

/** Stable name of a kind of failure. Programs match on this, never on the message. */
export type ErrorCode = keyof typeof ERROR_CODES;
