import {
  constants,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import { SyncError } from '../errors/index.js';
import { onAbort } from '../internal/abort.js';
import { DECODED_ENCODINGS } from '../internal/node/decoded-body.js';
import { bodyOf } from './body.js';
import type { Connections } from './connections.js';

type Head = IncomingHttpHeaders & IncomingHttpStatusHeader;

/** Statuses whose response has no body (the Fetch standard's null body statuses). */
const WITHOUT_BODY = [204, 205, 304];

/** A connection may just be closed by the server when a request is sent over it: so often another one is opened. */
const MAX_REFUSED = 3;

/** Sends a request and resolves with the head of its response. @throws SyncError `PEER_NOT_SYNC` */
export async function sendRequest(connections: Connections, request: Request): Promise<Response> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    throw new TypeError(`This HTTP/2 client sends GET and HEAD; not ${request.method}.`);
  }
  for (let refused = 0; ; refused++) {
    request.signal.throwIfAborted();
    const stream = open(connections, request);
    try {
      return toResponse(request, stream, await headOf(stream, request.signal));
    } catch (error) {
      const mayRepeat = !request.signal.aborted && connections.retire(stream);
      if (!mayRepeat || refused === MAX_REFUSED) throw error;
    }
  }
}

function open(connections: Connections, request: Request): ClientHttp2Stream {
  const url = new URL(request.url);
  const headers: Record<string, string> = { 'accept-encoding': DECODED_ENCODINGS, accept: '*/*' };
  for (const [name, value] of request.headers) headers[name] = value;
  try {
    return connections.request(url.origin, {
      ...headers,
      ':method': request.method,
      ':path': `${url.pathname}${url.search}`,
    });
  } catch (cause) {
    throw new TypeError('fetch failed', { cause });
  }
}

/** Ends with the request's signal. Failures have the form of the global `fetch`'s: a `TypeError` whose cause tells, or the signal's reason. */
function headOf(stream: ClientHttp2Stream, signal: AbortSignal): Promise<Head> {
  const stopListening = onAbort(signal, () => {
    stream.close(constants.NGHTTP2_CANCEL);
  });
  stream.once('close', stopListening);
  return new Promise((resolve, reject) => {
    let failure: unknown = null;
    stream.on('error', (error: unknown) => {
      failure = error;
    });
    stream.once('close', () => {
      const cause =
        failure ?? new Error(`The server ended the exchange before a response (code ${stream.rstCode}).`);
      // Settled already when the head has come.
      reject(signal.aborted ? (signal.reason as Error) : new TypeError('fetch failed', { cause }));
    });
    stream.once('response', resolve);
  });
}

function toResponse(request: Request, stream: ClientHttp2Stream, head: Head): Response {
  const status = head[':status'] ?? 0;
  if (status < 200 || status > 599) throw oddStatus(request, stream, status);
  const headers = headersOf(head);
  const isEmpty = request.method === 'HEAD' || WITHOUT_BODY.includes(status);
  if (isEmpty) stream.resume();
  const response = new Response(isEmpty ? null : bodyOf(stream, head, request.signal), { status, headers });
  Object.defineProperty(response, 'url', { value: request.url });
  return response;
}

function headersOf(head: Head): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(head)) {
    if (name.startsWith(':') || value === undefined) continue;
    for (const one of [value].flat()) headers.append(name, one);
  }
  return headers;
}

/** `Response` takes no other statuses than those from 200 to 599. */
function oddStatus(request: Request, stream: ClientHttp2Stream, status: number): SyncError {
  stream.close(constants.NGHTTP2_CANCEL);
  const { origin } = new URL(request.url);
  return new SyncError('PEER_NOT_SYNC', `${origin} answered ${status}, which is no status of HTTP.`);
}
