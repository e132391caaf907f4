import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { EndpointResponse } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { abortError } from '../internal/abort.js';
import { problemResponse } from './problem.js';
import type { ServerRequest, SyncServer } from './sync-server.js';

/** `compression()` and its like add this to push out what they hold back. */
type Flushable = ServerResponse & { flush?: () => void };

/** The path of a request without its query. */
export function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

/**
 * Answers a node request. Resolves when the response has ended or the client has gone.
 *
 * @param url - the request's path and query below the mount point. The `Host` header is never looked at.
 */
export async function respond(
  server: SyncServer,
  url: string,
  clientAddress: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const controller = server.connect();
  const onClose = (): void => {
    controller.abort(new SyncError('ABORTED', 'The client has gone away.'));
  };
  res.once('close', onClose);
  try {
    const response = await answer(server, url, clientAddress, req, controller.signal);
    await send(response, req, res, server.limits.writeStallMs, controller.signal);
  } catch {
    // The status is out: a cut connection is the only way left to say that the body is not whole.
    res.destroy();
  } finally {
    res.off('close', onClose);
    server.disconnect(controller);
  }
}

function answer(
  server: SyncServer,
  url: string,
  clientAddress: string,
  req: IncomingMessage,
  signal: AbortSignal,
): Promise<EndpointResponse> | EndpointResponse {
  const query = url.slice(pathOf(url).length + 1);
  if (!isCleanQuery(query)) {
    return problemResponse(new SyncError('BAD_REQUEST', 'The query is not percent-encoded UTF-8.'));
  }
  const request: ServerRequest = {
    method: req.method ?? 'GET',
    path: pathOf(url),
    query: new URLSearchParams(query),
    clientAddress,
    header: (name) => headerOf(req, name),
  };
  return server.handle(request, signal);
}

function headerOf(req: IncomingMessage, name: string): string | null {
  const value = req.headers[name];
  return Array.isArray(value) ? value.join(', ') : (value ?? null);
}

/** `URLSearchParams` reads anything; a broken escape would turn into another character in silence. */
function isCleanQuery(query: string): boolean {
  try {
    decodeURIComponent(query);
    return true;
  } catch {
    return false;
  }
}

async function send(
  response: EndpointResponse,
  req: IncomingMessage,
  res: ServerResponse,
  writeStallMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { status, headers, body } = response;
  const whole = body instanceof Uint8Array;
  res.writeHead(status, { ...headers, ...(whole ? { 'content-length': String(body.byteLength) } : {}) });
  if (body === null || whole || req.method === 'HEAD') {
    res.end(whole && req.method !== 'HEAD' ? body : undefined);
    return;
  }
  res.flushHeaders();
  await pump(body, res, writeStallMs, signal);
  res.end();
}

async function pump(
  body: AsyncIterable<Uint8Array>,
  res: Flushable,
  writeStallMs: number,
  signal: AbortSignal,
): Promise<void> {
  for await (const chunk of body) {
    const room = res.write(chunk);
    res.flush?.();
    if (!room) await drained(res, writeStallMs, signal);
    if (signal.aborted) return;
  }
}

/** Waits until the client has taken what was written. A client that takes nothing for too long is given up. */
function drained(res: ServerResponse, writeStallMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error: SyncError | null): void => {
      clearTimeout(timer);
      res.off('drain', onDrain);
      signal.removeEventListener('abort', onAbort);
      if (error === null) resolve();
      else reject(error);
    };
    const onDrain = (): void => {
      settle(null);
    };
    const onAbort = (): void => {
      settle(abortError(signal));
    };
    const timer = setTimeout(() => {
      settle(new SyncError('ABORTED', `The client has taken nothing for ${writeStallMs} ms.`));
    }, writeStallMs);
    res.once('drain', onDrain);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

/** Where a {@link nodeListener} answers. */
export interface NodeListenerOptions {
  /** Path the routes are under: `/sync`. */
  readonly path: string;
}

/** A listener for `http.createServer` that serves a sync server below one path, and problem documents elsewhere. */
export function nodeListener(server: SyncServer, { path }: NodeListenerOptions): RequestListener {
  return (req, res) => {
    const url = req.url ?? '/';
    const below = url.startsWith(`${path}/`) ? url.slice(path.length) : '/';
    void respond(server, below, req.socket.remoteAddress ?? '', req, res);
  };
}
