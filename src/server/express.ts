import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Closeable } from '../contracts/index.js';
import { createSyncServer, type SyncServerConfig } from './create-server.js';
import { pathOf, respond } from './node.js';

export type { SyncServerConfig } from './create-server.js';

/**
 * What the middleware reads of a request. Express's own request is one; the middleware is typed without Express, so
 * that it fits the types of version 4 and 5 and needs neither installed.
 */
export type SyncMiddlewareRequest = IncomingMessage & {
  /** The client's address as the app sees it. */
  readonly ip?: string | undefined;
};

/** Options of {@link syncMiddleware}. */
export interface SyncMiddlewareOptions extends SyncServerConfig {
  /**
   * The address that stream limits are counted by. Default `req.ip`, which is the proxy's address unless the app's
   * `trust proxy` setting says otherwise.
   */
  clientAddress?(req: SyncMiddlewareRequest): string;
}

/** The middleware: mount it, and close it with the app. */
export interface SyncMiddleware extends Closeable {
  /** Answers a request, or hands it on when its path is none of the service's. */
  (req: SyncMiddlewareRequest, res: ServerResponse, next: (error?: unknown) => void): void;
}

/**
 * Express middleware that serves a chain to nodes (protocol section 2). Works in Express 4 and 5, behind
 * `compression()` and behind body parsers.
 *
 * Paths it doesn't know go on to the next handler of the app. `close` ends the streams that are open.
 *
 * @example
 * ```ts
 * app.use('/sync', syncMiddleware({ source: chain }));
 * ```
 * @throws TypeError for a bound that can't be meant.
 */
export function syncMiddleware(options: SyncMiddlewareOptions): SyncMiddleware {
  const server = createSyncServer(options);
  const handler = (req: SyncMiddlewareRequest, res: ServerResponse, next: () => void): void => {
    const url = req.url ?? '/';
    const address = options.clientAddress?.(req) ?? req.ip ?? '';
    if (server.has(pathOf(url))) void respond(server, url, address, req, res);
    else next();
  };
  return Object.assign(handler, { close: () => server.close() });
}
