import type { Peer, TransportLimits } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import type { HttpExchange, HttpRequest } from '../../../src/internal/http/exchange.js';
import { responseError } from '../../../src/internal/http/response-error.js';
import type { SplitForm } from '../../../src/internal/json/index.js';
import { FRAMES_TYPE } from '../frame-splitter.js';

/** One request for a run of heights. */
export interface RangeQuery {
  readonly peer: Peer;
  readonly from: number;
  /** Included. */
  readonly to: number;
  /** The hash that the client has at `from − 1`; `null` when it can't name it. */
  readonly parentHash: string | null;
  /** Codec to ask for frames in; `null` to ask for documents. */
  readonly frames: string | null;
  /** How long the peer is to wait for the first block, in whole seconds; 0 for an answer at once. */
  readonly waitSeconds: number;
}

/** The HTTP request for a range (protocol section 2.3). */
export function rangeRequest({ peer, from, to, parentHash, frames, waitSeconds }: RangeQuery): HttpRequest {
  const query = new URLSearchParams({ from: String(from), to: String(to) });
  if (parentHash !== null) query.set('parent_hash', parentHash);
  if (frames !== null) query.set('frames', frames);
  if (waitSeconds > 0) query.set('wait', String(waitSeconds));
  const target = `/json?${query.toString()}`;
  return { peer, target, headers: { accept: 'application/json' }, waitMs: waitSeconds * 1_000 };
}

/** How web servers call a file whose name they make nothing of. */
const UNKNOWN_TYPES: readonly string[] = ['', 'text/plain', 'application/octet-stream'];
const LINE_TYPES: readonly string[] = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'];

/**
 * Checks the head of a response and says how its body is to be read.
 *
 * @throws SyncError `PEER_*`, `FORKED`, `BELOW_BASE` and the like
 */
export async function checkHead(
  exchange: HttpExchange,
  { peer, from, frames }: RangeQuery,
  limits: TransportLimits,
  signal: AbortSignal,
): Promise<SplitForm | 'frames'> {
  const { status, headers } = exchange.response;
  if (status !== 200) throw await responseError(exchange, { peer, limits, from, signal });
  const type = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (frames !== null && type === FRAMES_TYPE) return 'frames';
  if (LINE_TYPES.includes(type)) return 'lines';
  if (UNKNOWN_TYPES.includes(type) || /[/+]json$/.test(type)) return 'array';
  throw new SyncError('PEER_NOT_SYNC', `${peer.url} answered with ${type} instead of blocks in JSON.`);
}
