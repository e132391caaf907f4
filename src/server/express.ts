import type { Request, RequestHandler } from 'express';
import type { Closeable } from '../contracts/index.js';
import { createSyncServer, type SyncServerConfig } from './create-server.js';
import { pathOf, respond } from './node.js';

export type { SyncServerConfig } from './create-server.js';

/** Options of {@link syncMiddleware}. */
export interface SyncMiddlewareOptions extends SyncServerConfig {
  /**
   * The address that stream limits are counted by. Default `req.ip`, which is the proxy's address unless the app's
   * `trust proxy` setting says otherwise.
   */
  readonly clientAddress?: (req: Request) => string;
}

/** The middleware: mount it, and close it with the app. */
export type SyncMiddleware = RequestHandler & Closeable;

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
  const addressOf = options.clientAddress ?? ((req: Request) => req.ip ?? '');
  const handler: RequestHandler = (req, res, next) => {
    if (server.has(pathOf(req.url))) void respond(server, req.url, addressOf(req), req, res);
    else next();
  };
  return Object.assign(handler, { close: () => server.close() });
}
