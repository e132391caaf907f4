import type { EndpointResponse } from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';

/** How long a client that was turned away should wait, in seconds. */
const RETRY_AFTER_SECONDS = 5;

/** Codes that tell a client to come back later. */
const BUSY: readonly string[] = ['TOO_MANY_STREAMS', 'SERVER_BUSY'];

/**
 * What a client may be told of a failure: the error itself when its code has an HTTP status, otherwise `INTERNAL`
 * without a word of what happened inside.
 */
export function publicError(error: unknown): SyncError {
  if (isSyncError(error) && error.info.status !== null && error.info.status < 500) return error;
  if (isSyncError(error) && BUSY.includes(error.code)) return error;
  return new SyncError('INTERNAL', 'The server failed to answer this request.', { cause: error });
}

/** An error as `application/problem+json` (RFC 9457), with `code` and what the code brings along. */
export function problemResponse(
  error: SyncError,
  headers: Readonly<Record<string, string>> = {},
): EndpointResponse {
  const { code, context, info } = error;
  const status = info.status ?? 500;
  const problem = {
    type: 'about:blank',
    title: info.summary,
    status,
    detail: error.message,
    code,
    ...(context.ancestors === undefined ? {} : { ancestors: context.ancestors }),
    ...(context.base === undefined ? {} : { base: context.base }),
  };
  const retry = BUSY.includes(code) ? { 'retry-after': String(RETRY_AFTER_SECONDS) } : {};
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...retry,
      ...headers,
    },
    body: Buffer.from(JSON.stringify(problem)),
  };
}
