import type { StreamRequest } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import type { HttpRequest } from '../../../src/internal/http/exchange.js';

const EVENT_STREAM = 'text/event-stream';

/**
 * The HTTP request for a stream (protocol section 2.2).
 *
 * @param name - of the stream; `null` gives it none.
 * @throws SyncError `CODEC_UNAVAILABLE` when no codec is accepted
 */
export function streamRequest(
  request: StreamRequest,
  name: string | null,
): HttpRequest & { readonly codec: string } {
  const codec = request.acceptCodecs[0];
  if (codec === undefined) {
    throw new SyncError('CODEC_UNAVAILABLE', 'The peer and this client have no codec in common.');
  }
  const query = new URLSearchParams({ from_height: String(request.from), codec });
  if (request.after?.height === request.from - 1) query.set('parent_hash', request.after.hash);
  if (request.to !== null) query.set('to_height', String(request.to));
  if (request.follow) query.set('follow', 'true');
  if (name !== null) query.set('client', name);
  const headers: Record<string, string> = { accept: EVENT_STREAM };
  // Encoded blocks don't get smaller by being encoded again.
  if (codec !== 'identity') headers['accept-encoding'] = 'identity';
  return { peer: request.peer, target: `/stream?${query.toString()}`, headers, codec };
}

/** Whether a `Content-Type` is that of an event stream; its parameters say nothing, the encoding is always UTF-8. */
export function isEventStream(contentType: string | null): boolean {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase() === EVENT_STREAM;
}
