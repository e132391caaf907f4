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
import { accepting, func, readOptions } from '../internal/options/index.js';
import { keepHttp2Members } from './http2/compat.js';
import { CLEARTEXT_OPTIONS, SECURE_OPTIONS } from './http2/node-options.js';
import { CLOSE_HTTP2_OPTIONS, type CloseHttp2Options } from './http2/options.js';
import { goAway, isTracked, trackSessions } from './http2/sessions.js';

export type { CloseHttp2Options } from './http2/options.js';

const trackedServer = accepting('a server that this module has made', isTracked);
const listener = func<RequestListener>('an Express app or another listener of requests');

/**
 * Makes a server that speaks HTTP/2 over TLS, and HTTP/1.1 on the same port to clients that offer no `h2` (ALPN, RFC
 * 7301; `allowHTTP1: false` refuses them). The handler is an Express app or any listener of Node's; an app may be
 * served by other servers at the same time.
 *
 * A client may have 100 streams open in one session (`settings.maxConcurrentStreams`). A session without streams is
 * closed after 2 minutes, and one whose client floods it with pings, settings or requests that it calls off at once.
 *
 * @param options - Node's own; a certificate and its key are among them.
 * @throws TypeError for a handler that is no function, and for an option that Node would take without looking at it, or
 *   under a mistyped name; else what Node throws
 */
export function createHttp2Server(handler: RequestListener, options: SecureServerOptions): Http2SecureServer {
  const owner = 'createHttp2Server';
  listener.read(handler, { owner, path: 'handler' });
  const given = SECURE_OPTIONS.read(options, { owner, path: 'options' });
  const server = createSecureServer({ allowHTTP1: true, ...bounded(given) }, adapt(handler));
  // As `http.createServer` does: else a response over HTTP/1.1 waits 40 ms for an acknowledgement. HTTP/2 sets it itself.
  server.on('connection', (socket: Socket) => socket.setNoDelay());
  trackSessions(server);
  return server;
}

/**
 * Makes a server that speaks HTTP/2 without TLS to clients that know that it does (prior knowledge, RFC 9113 section
 * 3.3). For use inside a data centre; browsers don't speak it. Sessions are bounded as {@link createHttp2Server} does.
 *
 * @param options - Node's own.
 * @throws TypeError for a handler that is no function, and for options as {@link createHttp2Server} does
 */
export function createHttp2CleartextServer(
  handler: RequestListener,
  options: ServerOptions = {},
): Http2Server {
  const owner = 'createHttp2CleartextServer';
  listener.read(handler, { owner, path: 'handler' });
  const given = CLEARTEXT_OPTIONS.read(options, { owner, path: 'options' });
  const server = createServer(bounded(given), adapt(handler));
  trackSessions(server);
  return server;
}

/**
 * Closes a server of this module: takes no further connections, tells clients with GOAWAY to send no further requests,
 * and cuts off what is still open after `graceMs`. Resolves when everything has ended.
 *
 * @throws TypeError for an option that isn't one, and for a `graceMs` that no timer keeps
 */
export async function closeHttp2Server(
  server: Http2Server | Http2SecureServer,
  options: CloseHttp2Options = {},
): Promise<void> {
  trackedServer.read(server, { owner: 'closeHttp2Server', path: 'server' });
  const { graceMs } = readOptions('closeHttp2Server', options, CLOSE_HTTP2_OPTIONS);
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  const cutOff = setTimeout(goAway(server), graceMs);
  await closed;
  clearTimeout(cutOff);
}

/** Streams that a client has open at once in one session: Node's own default has no bound. */
const MAX_CONCURRENT_STREAMS = 100;

function bounded<T extends ServerOptions | SecureServerOptions>(options: T): T {
  return { ...options, settings: { maxConcurrentStreams: MAX_CONCURRENT_STREAMS, ...options.settings } };
}

type Http2Listener = (req: Http2ServerRequest, res: Http2ServerResponse) => void;

function adapt(handler: RequestListener): Http2Listener {
  return (req, res) => {
    if (req.httpVersionMajor >= 2) keepHttp2Members(req, res);
    handler(req as unknown as IncomingMessage, res as unknown as ServerResponse & { req: IncomingMessage });
  };
}
