import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type SecureServerOptions,
  type ServerOptions,
} from 'node:http2';
import type { Socket } from 'node:net';
import { keepHttp2Members } from './http2/compat.js';
import { goAway, trackSessions } from './http2/sessions.js';

/** Options of {@link closeHttp2Server}. */
export interface CloseHttp2Options {
  /** Time that open streams have to end, in milliseconds. Default 5,000. */
  readonly graceMs?: number;
}

/**
 * Makes a server that speaks HTTP/2 over TLS, and HTTP/1.1 on the same port to clients that offer no `h2` (ALPN, RFC
 * 7301; `allowHTTP1: false` refuses them). The handler is an Express app or any listener of Node's; an app may be
 * served by other servers at the same time.
 */
export function createHttp2Server(handler: RequestListener, options: SecureServerOptions): Http2SecureServer {
  const server = createSecureServer({ allowHTTP1: true, ...options }, adapt(handler));
  // As `http.createServer` does: else a response over HTTP/1.1 waits 40 ms for an acknowledgement. HTTP/2 sets it itself.
  server.on('connection', (socket: Socket) => socket.setNoDelay());
  trackSessions(server);
  return server;
}

/**
 * Makes a server that speaks HTTP/2 without TLS to clients that know that it does (prior knowledge, RFC 9113 section
 * 3.3). For use inside a data centre; browsers don't speak it.
 */
export function createHttp2CleartextServer(
  handler: RequestListener,
  options: ServerOptions = {},
): Http2Server {
  const server = createServer(options, adapt(handler));
  trackSessions(server);
  return server;
}

/**
 * Closes a server of this module: takes no further connections, tells clients with GOAWAY to send no further requests,
 * and cuts off what is still open after `graceMs`. Resolves when everything has ended.
 */
export async function closeHttp2Server(
  server: Http2Server | Http2SecureServer,
  { graceMs = 5_000 }: CloseHttp2Options = {},
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  const cutOff = setTimeout(goAway(server), graceMs);
  await closed;
  clearTimeout(cutOff);
}

type Http2Listener = (req: Http2ServerRequest, res: Http2ServerResponse) => void;

function adapt(handler: RequestListener): Http2Listener {
  return (req, res) => {
    if (req.httpVersionMajor >= 2) keepHttp2Members(req, res);
    handler(req as unknown as IncomingMessage, res as unknown as ServerResponse & { req: IncomingMessage });
  };
}
