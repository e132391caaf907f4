import type { EndpointResponse } from '../../contracts/index.js';
import { ERROR_CODES } from '../../errors/index.js';
import { problemDocument } from '../../internal/http/problem-document.js';
import type { NotReady } from './readiness.js';

/** Whether the process answers at all. */
export const HEALTH_PATH = '/health';
/** Whether requests should be sent to it. */
export const READY_PATH = '/ready';

/** When to ask again, in seconds. */
const RETRY_AFTER = 5;

/** Protocol section 2.7: the node lives. */
export function alive(): EndpointResponse {
  return respond({ status: 'ok' });
}

/** Protocol section 2.7: whether the node is ready; nothing but a word says why it is not. */
export function ready(reason: NotReady | null): EndpointResponse {
  if (reason === null) return respond({ status: 'ready' });
  const code = 'NOT_READY';
  const detail = ERROR_CODES[code].summary;
  const told = { status: 503, code, detail, more: { reason } } as const;
  return problemDocument(told, { 'retry-after': String(RETRY_AFTER) });
}

function respond(members: object): EndpointResponse {
  const body = Buffer.from(JSON.stringify(members));
  const headers = {
    'content-type': 'application/json',
    'content-length': String(body.length),
    'cache-control': 'no-store',
  };
  return { status: 200, headers, body };
}
