import { certificateFault, isAuthorityMissing } from '#platform/certificate-fault';
import type { HttpFetchInit, HttpFetchResponse, Peer, TransportDeps } from '../../contracts/index.js';
import { type ErrorCode, isSyncError, SyncError } from '../../errors/index.js';
import { abortError, raceAbort, throwIfAborted } from '../abort.js';
import { LinkedAbort } from '../linked-abort.js';
import { hasLiveHeaders, requestHeaders } from './request-headers.js';
import { peerText } from './shape.js';
import { watch } from './watch.js';

/** A request to a peer. */
export interface HttpRequest {
  /** Default `GET`. */
  readonly method?: 'HEAD';
  readonly peer: Peer;
  /** Path and query below the peer's URL: `/status`. */
  readonly target: string;
  /** Headers of the transport; they win over the peer's. */
  readonly headers: Readonly<Record<string, string>>;
  /** How long the server is asked to wait before it answers, in milliseconds. Default 0. */
  readonly waitMs?: number;
  /** Longest wait for the head, where that is less than others get; and what a longer one is called. */
  readonly due?: { readonly ms: number; readonly code: ErrorCode };
}

/** A request whose response head has come. Must be closed. */
export interface HttpExchange {
  readonly response: HttpFetchResponse;
  /** Fires when the exchange was called off, timed out or closed; its reason is the error to report. */
  readonly signal: AbortSignal;
  /** How long the head took, beyond what the server was asked to wait. */
  readonly headMs: number;
  /** Calls the exchange off; waits for its body reject with the error. */
  fail(error: SyncError): void;
  /** Gives up what is left of the body and removes every listener. */
  close(): void;
}

/**
 * Sends a request and waits for the head of the response. Redirects are not followed: they come back as they are. A peer
 * that answers 401 is asked once more where the host's functions then give other headers.
 *
 * @throws SyncError `PEER_UNREACHABLE`, `PEER_CERTIFICATE`, `PEER_TIMEOUT`, `CREDENTIALS_UNAVAILABLE`, `ABORTED`
 * @throws TypeError for a peer whose URL or headers are not valid
 */
export async function openExchange(
  deps: TransportDeps,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpExchange> {
  throwIfAborted(signal);
  const abort = new LinkedAbort(signal);
  try {
    const { response, headMs } = await answer(deps, request, abort);
    return new Exchange(response, abort, headMs);
  } catch (error) {
    abort.release();
    if (abort.signal.aborted) throw abortError(abort.signal);
    throw error;
  }
}

type Answer = Pick<HttpExchange, 'response' | 'headMs'>;

async function answer(deps: TransportDeps, request: HttpRequest, abort: LinkedAbort): Promise<Answer> {
  const { peer } = request;
  const headersNow = (): Promise<Record<string, string>> =>
    requestHeaders(peer, request.headers, deps.limits.connectTimeoutMs, abort.signal);
  const headers = await headersNow();
  const first = await ask(deps, request, headers, abort);
  if (first.response.status !== 401 || !hasLiveHeaders(peer)) return first;
  try {
    const renewed = await headersNow();
    // The same once more would be refused once more.
    if (Object.entries(renewed).every(([name, value]) => headers[name] === value)) return first;
    const second = await ask(deps, request, renewed, abort);
    discard(first.response);
    return second;
  } catch (error) {
    discard(first.response);
    throw error;
  }
}

async function ask(
  deps: TransportDeps,
  request: HttpRequest,
  headers: Record<string, string>,
  abort: LinkedAbort,
): Promise<Answer> {
  const { peer, target, method = 'GET', waitMs = 0 } = request;
  const url = new URL(peer.url + target);
  const limit = headLimit(deps, request);
  const stopWatch = watch(limit.ms, () => {
    abort.abort(timeoutError(peer, limit));
  });
  const { signal } = abort;
  const started = performance.now();
  try {
    const init = { method, headers, redirect: 'manual', signal } as const;
    const response = await send(deps, url, waitMs === 0 ? init : { ...init, waitMs });
    return { response, headMs: Math.max(0, performance.now() - started - waitMs) };
  } catch (error) {
    if (signal.aborted) throw abortError(signal);
    throw isSyncError(error) ? error.at({ peer: peer.url }) : unreachable(peer, error);
  } finally {
    stopWatch();
  }
}

/** A `fetch` that doesn't listen to its signal is left behind, and the body that it may bring later is given up. */
async function send({ fetch }: TransportDeps, url: URL, init: HttpFetchInit): Promise<HttpFetchResponse> {
  const { signal } = init;
  const sent = fetch(url, init);
  try {
    return await raceAbort(sent, signal);
  } catch (error) {
    if (signal.aborted) sent.then(discard, () => undefined);
    throw error;
  }
}

function discard(response: HttpFetchResponse): void {
  response.body?.cancel().catch(() => undefined);
}

class Exchange implements HttpExchange {
  readonly response: HttpFetchResponse;
  readonly headMs: number;
  readonly #abort: LinkedAbort;

  constructor(response: HttpFetchResponse, abort: LinkedAbort, headMs: number) {
    this.response = response;
    this.headMs = headMs;
    this.#abort = abort;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  fail(error: SyncError): void {
    this.#abort.abort(error);
  }

  close(): void {
    this.#abort.release();
    // A body that nobody reads keeps its connection; one that a reader holds can't be cancelled here, only aborted.
    discard(this.response);
    this.#abort.abort(new SyncError('ABORTED', 'The response is not needed any more.'));
  }
}

/** How long the head may take, and what a longer time is. */
function headLimit({ limits }: TransportDeps, { waitMs = 0, due }: HttpRequest): HeadLimit {
  const ms = limits.connectTimeoutMs + limits.firstByteTimeoutMs + waitMs;
  return due !== undefined && due.ms < ms ? due : { ms, code: 'PEER_TIMEOUT' };
}

type HeadLimit = NonNullable<HttpRequest['due']>;

function timeoutError(peer: Peer, { ms, code }: HeadLimit): SyncError {
  return new SyncError(code, `${peer.url} did not answer within ${ms} ms.`, { peer: peer.url });
}

function unreachable(peer: Peer, cause: unknown): SyncError {
  const fault = certificateFault(cause);
  if (fault !== null) {
    const hint = isAuthorityMissing(fault)
      ? ' The authority that signed it is not among those of `tls.ca`.'
      : '';
    const message = `The TLS certificate of ${peer.url} is not accepted: ${reasonOf(fault)} (${fault.code}).${hint}`;
    return new SyncError('PEER_CERTIFICATE', message, { peer: peer.url, cause });
  }
  return new SyncError('PEER_UNREACHABLE', `${peer.url} can not be reached: ${reasonOf(cause)}.`, {
    peer: peer.url,
    cause,
  });
}

/** `fetch` says only "fetch failed", in a `TypeError`; what happened is in its cause. */
function reasonOf(error: unknown): string {
  const inner = error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
  if (!(inner instanceof Error)) return 'the request failed';
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : '';
  return peerText(inner.message) || code || 'the request failed';
}
