import { type Agent, type ClientRequest, type IncomingMessage, request as send } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { HttpFetchInit, HttpFetchResponse } from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { onAbort } from '../internal/abort.js';
import { watch } from '../internal/http/watch.js';
import { DECODED_ENCODINGS } from '../internal/node/decoded-body.js';
import { bodyOf } from './body.js';
import type { Deadlines } from './options.js';

/** A kept connection may just be closed by the server when a request is sent over it: so often another one is tried. */
const MAX_STALE_CONNECTIONS = 3;

/** The end of these is the end of their head (RFC 9110 section 6.4.1); after 101 the connection speaks something else. */
const WITHOUT_BODY: readonly number[] = [101, 204, 304];

/**
 * Sends a request and resolves with the head of its response.
 *
 * Failures have the form of the global `fetch`'s, a `TypeError` whose cause tells, or are the signal's reason.
 *
 * @throws SyncError `PEER_TIMEOUT`
 */
export async function sendRequest(
  agent: Agent,
  url: URL,
  init: HttpFetchInit,
  deadlines: Deadlines,
): Promise<HttpFetchResponse> {
  for (let stale = 0; ; stale++) {
    init.signal.throwIfAborted();
    const request = makeRequest(agent, url, init);
    try {
      return toResponse(await headOf(request, url, withWait(deadlines, init)), init);
    } catch (error) {
      if (init.signal.aborted) throw init.signal.reason;
      if (isSyncError(error)) throw error;
      if (!isStale(request, error) || stale === MAX_STALE_CONNECTIONS) throw failed(error);
    }
  }
}

function makeRequest(agent: Agent, url: URL, { method, headers, signal }: HttpFetchInit): ClientRequest {
  const defaults = { accept: '*/*', 'accept-encoding': DECODED_ENCODINGS, 'user-agent': 'blockferry' };
  const request = send(url, { agent, method, headers: { ...defaults, ...headers } });
  // Not by the option `signal`: where all of a response is here but not read, Node lets that end the process.
  let response: IncomingMessage | null = null;
  const stopListening = onAbort(signal, () => {
    (response ?? request).destroy(new Error('The request was called off.'));
  });
  request.once('response', (message: IncomingMessage) => {
    response = message;
  });
  request.once('close', stopListening);
  return request;
}

/** A server that was asked to wait has that time in addition. */
function withWait(
  { connectTimeoutMs, firstByteTimeoutMs }: Deadlines,
  { waitMs = 0 }: HttpFetchInit,
): Deadlines {
  return { connectTimeoutMs, firstByteTimeoutMs: firstByteTimeoutMs + waitMs };
}

function headOf(request: ClientRequest, url: URL, deadlines: Deadlines): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const stopWatch = watchRequest(request, url, deadlines);
    // Stays on the request: what comes later, as from a call-off, is told where the body is read.
    request.on('error', (error) => {
      stopWatch();
      reject(error);
    });
    request.once('response', (response: IncomingMessage) => {
      stopWatch();
      resolve(response);
    });
    // Another protocol was not asked for. Node leaves the connection to whoever listens, and else tells nobody.
    request.once('upgrade', (response: IncomingMessage, socket: Duplex) => {
      stopWatch();
      socket.destroy();
      resolve(response);
    });
    // Settled already, except where Node gives a request up without a word.
    request.once('close', () => {
      stopWatch();
      reject(new Error('The server ended the exchange before a response.'));
    });
    request.end();
  });
}

/** Ends a request whose time is up. @returns what stops that */
function watchRequest(request: ClientRequest, { origin }: URL, deadlines: Deadlines): () => void {
  const { connectTimeoutMs, firstByteTimeoutMs } = deadlines;
  const giveUp = (what: string) => () => {
    request.destroy(new SyncError('PEER_TIMEOUT', `${origin} did not ${what}.`));
  };
  let stop = watch(connectTimeoutMs, giveUp(`take a connection within ${connectTimeoutMs} ms`));
  const connected = (): void => {
    stop();
    stop = watch(firstByteTimeoutMs, giveUp(`answer within ${firstByteTimeoutMs} ms`));
  };
  const onSocket = (socket: Socket): void => {
    // The agent's time is meant for connections that wait for a request; it sets it again when this one is over.
    socket.setTimeout(0);
    if (!socket.connecting) connected();
    else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', connected);
    release = () => {
      socket.off('encrypted' in socket ? 'secureConnect' : 'connect', connected);
    };
  };
  let release = (): void => undefined;
  request.once('socket', onSocket);
  return () => {
    request.off('socket', onSocket);
    release();
    stop();
  };
}

function isStale(request: ClientRequest, error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return request.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE');
}

function toResponse(message: IncomingMessage, { method, signal }: HttpFetchInit): HttpFetchResponse {
  const { statusCode: status = 0, headers } = message;
  const isEmpty = method === 'HEAD' || WITHOUT_BODY.includes(status);
  // What is not read to its end would keep the connection.
  if (isEmpty) message.resume();
  return {
    status,
    headers: { get: (name) => textOf(headers[name.toLowerCase()]) },
    body: isEmpty ? null : bodyOf(message, signal),
  };
}

function textOf(value: string | readonly string[] | undefined): string | null {
  if (value === undefined) return null;
  return typeof value === 'string' ? value : value.join(', ');
}

function failed(cause: unknown): TypeError {
  return new TypeError('fetch failed', { cause });
}
