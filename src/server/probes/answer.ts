import { STATUS_CODES } from 'node:http';
import type { EndpointResponse } from '../../contracts/index.js';
import { ERROR_CODES } from '../../errors/index.js';
import type { NotReady } from './readiness.js';

/** Whether the process answers at all. */
export const HEALTH_PATH = '/health';
/** Whether requests should be sent to it. */
export const READY_PATH = '/ready';

/** When to ask again, in seconds. */
const RETRY_AFTER = 5;

/** Protocol section 2.7: the node lives. */
export function alive(): EndpointResponse {
  return respond(200, 'application/json', { status: 'ok' });
}

/** Protocol section 2.7: whether the node is ready; nothing but a word says why it is not. */
export function ready(reason: NotReady | null): EndpointResponse {
  if (reason === null) return respond(200, 'application/json', { status: 'ready' });
  const code = 'NOT_READY';
  const { summary } = ERROR_CODES[code];
  const problem = {
    type: 'about:blank',
    title: STATUS_CODES[503],
    status: 503,
    detail: summary,
    code,
    reason,
  };
  return respond(503, 'application/problem+json', problem, { 'retry-after': String(RETRY_AFTER) });
}

function respond(
  status: number,
  type: string,
  members: object,
  more: Readonly<Record<string, string>> = {},
): EndpointResponse {
  const body = Buffer.from(JSON.stringify(members));
  const headers = {
    'content-type': type,
    'content-length': String(body.length),
    'cache-control': 'no-store',
    ...more,
  };
  return { status, headers, body };
}
