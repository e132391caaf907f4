import type { HttpFetchResponse, Peer, TransportLimits } from '../../contracts/index.js';
import { ERROR_CODES, SyncError, type ErrorCode, type ErrorContext } from '../../errors/index.js';
import type { HttpExchange } from './exchange.js';
import { parseAncestors, readProblem, type Problem } from './problem.js';
import { asRequestCode } from './request-codes.js';
import { parseRetryAfter } from './retry-after.js';
import { isHeight, peerText } from './shape.js';

/** What a response is judged by. */
export interface ResponseContext {
  readonly peer: Peer;
  readonly limits: TransportLimits;
  /** First height that was asked for. */
  readonly from: number;
  /** The caller's signal. */
  readonly signal: AbortSignal;
}

/** The error for a response that is not the one hoped for; reads no more than 64 KiB of its body. */
export async function responseError(exchange: HttpExchange, context: ResponseContext): Promise<SyncError> {
  const { response } = exchange;
  const peer = context.peer.url;
  if (isRedirect(response)) return redirectError(response, peer);
  const problem = await readProblem(exchange, context.limits, context.signal);
  if (problem.isCut && SAYS_LITTLE.includes(response.status)) return cutShort(response, peer);
  const { code, more } = judge(response, problem, context.from);
  const said = [problem.detail, problem.code === '' ? '' : `(${problem.code})`].filter((text) => text !== '');
  const text = `${peer} answered ${response.status}${said.length > 0 ? `: ${said.join(' ')}` : '.'}`;
  return new SyncError(code, text, { ...more, peer });
}

/** A fork, and a chain that begins later: only the body says which, and that a client can do something about it. */
const SAYS_LITTLE: readonly number[] = [409, 410];

function cutShort({ status }: HttpFetchResponse, peer: string): SyncError {
  return new SyncError('PEER_UNREACHABLE', `${peer} answered ${status} and was cut off before it said why.`, {
    peer,
  });
}

/** A status of the 300s that names no place redirects nowhere. */
function isRedirect({ type, status, headers }: HttpFetchResponse): boolean {
  // A browser shows a redirect that is not followed as a response of this type with status 0.
  if (type === 'opaqueredirect') return true;
  return status >= 300 && status < 400 && headers.get('location') !== null;
}

function redirectError(response: HttpFetchResponse, peer: string): SyncError {
  // Without the query: a stream's name is a secret.
  const to = peerText(response.headers.get('location')?.replace(/[?#].*/su, ''));
  const text = `${peer} answered ${response.status}${to === '' ? '' : ` and redirects to ${to}`}; it was not followed.`;
  return new SyncError('REDIRECT_REFUSED', text, { peer });
}

interface Judgement {
  readonly code: ErrorCode;
  readonly more: ErrorContext;
}

function judge(response: HttpFetchResponse, problem: Problem, from: number): Judgement {
  const { status } = response;
  const code = asRequestCode(problem.code);
  if (code === 'SNAPSHOT_BUILDING' && status === 503) return { code, more: retryAfter(response) };
  if (code !== null && ERROR_CODES[code].status === status) return requestJudgement(code, problem, from);
  if (isPassing(status)) return { code: 'PEER_BUSY', more: retryAfter(response) };
  return { code: plainCode(status), more: {} };
}

function retryAfter(response: HttpFetchResponse): ErrorContext {
  const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'), Date.now());
  return retryAfterMs === null ? {} : { retryAfterMs };
}

/**
 * Statuses below 500 that say nothing about the request itself: a time that ran out (408), a connection that is meant
 * for another origin (421), a request that came too early (425, RFC 8470), limits (429), and that the client is gone
 * in the eyes of a proxy (499).
 */
const PASSING: readonly number[] = [408, 421, 425, 429, 499];

function isPassing(status: number): boolean {
  return PASSING.includes(status) || (status >= 500 && status < 600);
}

/** Whatever is no success and no error of HTTP comes from something else than a sync service. */
function plainCode(status: number): ErrorCode {
  if (status === 401 || status === 403) return 'PEER_UNAUTHORIZED';
  if (status === 404) return 'PEER_NOT_FOUND';
  return status >= 400 && status < 500 ? 'PEER_REFUSED' : 'PEER_NOT_SYNC';
}

/** A peer that sends context that can't be true breaks the protocol; one that leaves it out does not. */
function requestJudgement(code: ErrorCode, { members }: Problem, from: number): Judgement {
  const broken: Judgement = { code: 'PROTOCOL_VIOLATION', more: {} };
  if (code === 'FORKED') {
    const { ancestors = [] } = members;
    const refs = parseAncestors(ancestors, from);
    return refs === null ? broken : { code, more: { ancestors: refs } };
  }
  if (code === 'BELOW_BASE' && members['base'] !== undefined) {
    const { base } = members;
    return isHeight(base) && base > from ? { code, more: { base } } : broken;
  }
  return { code, more: {} };
}
