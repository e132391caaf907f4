import type { EndpointResponse } from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import type { SyncRequest } from './sync-request.js';

/** Nothing here is changed by a request. */
const METHODS: readonly string[] = ['GET', 'HEAD'];

/** What a server that is being closed says to whoever asks. */
export function closingError(cause?: unknown): SyncError {
  return new SyncError('SERVER_BUSY', 'The server is closing.', { retryAfterMs: 5_000, cause });
}

/** @throws SyncError `METHOD_NOT_ALLOWED` */
export function refuseMethod(method: string): void {
  if (METHODS.includes(method)) return;
  throw new SyncError('METHOD_NOT_ALLOWED', `This path takes ${METHODS.join(' and ')} only.`);
}

/** A response as the method of its request has it. */
export function withoutBody(
  { method }: Pick<SyncRequest, 'method'>,
  response: EndpointResponse,
): EndpointResponse {
  return method === 'HEAD' ? { ...response, body: null } : response;
}

/**
 * What a refusal has to say beside its problem document (RFC 9110 sections 10.2.1 and 11.6.1).
 *
 * @param challenge - `WWW-Authenticate` of a 401.
 */
export function withHints(error: unknown, response: EndpointResponse, challenge: string): EndpointResponse {
  if (!isSyncError(error)) return response;
  const { status, headers } = response;
  if (status === 405) return { ...response, headers: { ...headers, allow: METHODS.join(', ') } };
  return status === 401 ? { ...response, headers: { ...headers, 'www-authenticate': challenge } } : response;
}
