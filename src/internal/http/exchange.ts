import type { HttpFetchInit, HttpFetchResponse, Peer, TransportDeps } from '../../contracts/index.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import { abortError, raceAbort, throwIfAborted } from '../abort.js';
import { LinkedAbort } from '../linked-abort.js';
import { certificateFault } from './certificate-fault.js';
import { peerText } from './shape.js';
import { watch } from './watch.js';

/** Names and values of headers (RFC 9110 sections 5.1 and 5.5). */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** A request to a peer. */
export interface HttpRequest {
  /** Default `GET`. */
  readonly method?: 'HEAD';
  readonly peer: Peer;
  /** Path and query below the peer's URL: `/status`. */
  readonly target: string;
  /** Headers of the transport; they win over the peer's. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A request whose response head has come. Must be closed. */
export interface HttpExchange {
  readonly response: HttpFetchResponse;
  /** Fires when the exchange was called off, timed out or closed; its reason is the error to report. */
  readonly signal: AbortSignal;
  /** How long the head took. */
  readonly headMs: number;
  /** Calls the exchange off; waits for its body reject with the error. */
  fail(error: SyncError): void;
  /** Gives up what is left of the body and removes every listener. */
  close(): void;
}

/**
 * Sends a request and waits for the head of the response. Redirects are not followed: they come back as they are.
 *
 * @throws SyncError `PEER_UNREACHABLE`, `PEER_CERTIFICATE`, `PEER_TIMEOUT`, `ABORTED`
 * @throws TypeError for a peer whose URL or headers are not valid
 */
export async function openExchange(
  deps: TransportDeps,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpExchange> {
  throwIfAborted(signal);
  const url = new URL(request.peer.url + request.target);
  const headers = merged(request.peer.headers, request.headers);
  const abort = new LinkedAbort(signal);
  const { connectTimeoutMs, firstByteTimeoutMs } = deps.limits;
  const headTimeoutMs = connectTimeoutMs + firstByteTimeoutMs;
  const stopWatch = watch(headTimeoutMs, () => {
    abort.abort(timeoutError(request.peer, headTimeoutMs));
  });
  const started = performance.now();
  try {
    const init = {
      method: request.method ?? 'GET',
      headers,
      redirect: 'manual',
      signal: abort.signal,
    } as const;
    const response = await send(deps, url, init);
    return new Exchange(response, abort, performance.now() - started);
  } catch (error) {
    abort.release();
    if (abort.signal.aborted) throw abortError(abort.signal);
    throw isSyncError(error) ? error.at({ peer: request.peer.url }) : unreachable(request.peer, error);
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

/** Names in lower case; the later ones win. @throws TypeError for what can't be sent */
function merged(...all: readonly Readonly<Record<string, string>>[]): Record<string, string> {
  const pairs = all.flatMap((headers) => Object.entries(headers));
  for (const [name, value] of pairs) {
    if (!FIELD_NAME.test(name)) throw new TypeError(`No header may be called ${JSON.stringify(name)}.`);
    if (!FIELD_VALUE.test(value)) throw new TypeError(`The header ${name} has a value that can't be sent.`);
  }
  return Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]));
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

function timeoutError(peer: Peer, ms: number): SyncError {
  return new SyncError('PEER_TIMEOUT', `${peer.url} did not answer within ${ms} ms.`, { peer: peer.url });
}

function unreachable(peer: Peer, cause: unknown): SyncError {
  const fault = certificateFault(cause);
  if (fault !== null) {
    const message = `The TLS certificate of ${peer.url} is not accepted: ${reasonOf(fault)} (${fault.code}).`;
    return new SyncError('PEER_CERTIFICATE', message, { peer: peer.url, cause });
  }
  return new SyncError('PEER_UNREACHABLE', `${peer.url} can not be reached: ${reasonOf(cause)}.`, {
    peer: peer.url,
    cause,
  });
}

/** `fetch` says only "fetch failed"; what happened is in its cause. */
function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(inner instanceof Error)) return 'the request failed';
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : '';
  return peerText(inner.message) || code || 'the request failed';
}
