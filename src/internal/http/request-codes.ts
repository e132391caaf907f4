import type { ErrorCode } from '../../errors/index.js';

const REQUEST_CODES: ReadonlySet<string> = new Set<ErrorCode>([
  'FORKED',
  'BELOW_BASE',
  'CODEC_UNAVAILABLE',
  'BAD_REQUEST',
  'RANGE_TOO_LARGE',
  'SNAPSHOT_UNAVAILABLE',
  'SNAPSHOT_BUILDING',
  'SNAPSHOT_GONE',
  'PEER_DAMAGED',
]);

/**
 * Reads a code with which a peer tells the client about the client's own request, or says of itself what no later answer
 * changes. All other codes speak of the peer's
 * own troubles: a store that is full, say, would look like the client's if it were taken over.
 */
export function asRequestCode(name: string): ErrorCode | null {
  return REQUEST_CODES.has(name) ? (name as ErrorCode) : null;
}
