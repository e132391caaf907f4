import type { ServerResponse } from 'node:http';
import type { Closeable } from '../contracts/index.js';
import type { CloseServerOptions } from './close-options.js';
import { serverOf } from './create-server.js';
import {
  MIDDLEWARE_OPTIONS,
  type SyncMiddlewareOptions,
  type SyncMiddlewareRequest,
} from './middleware-options.js';
import { serveRequest } from './node.js';
import { serverPlan } from './plan.js';
import { breakOff } from './send.js';
import { splitTarget } from './target.js';
import type { WatchedServer } from '../dashboard/watched.js';

export type { SyncMiddlewareOptions, SyncMiddlewareRequest } from './middleware-options.js';
export type { CloseServerOptions } from './close-options.js';
export type { SyncServerConfig } from './plan.js';
export type { AuditEntry, Authorize, AuthorizeRequest, Principal } from './access/types.js';
export type { AnswerEvent, OpenedEvent, ServerEvent } from './events.js';
export type { MetricsPage } from './metrics-page.js';
export type { ReadinessConfig, WatchedEngine } from './probes/options.js';
export {
  syncDashboard,
  type SyncDashboard,
  type SyncDashboardOptions,
  type WatchedServer,
} from '../dashboard/index.js';

/** An Express middleware with what it holds open. */
export interface SyncMiddleware extends Closeable {
  /** Answers a request, or hands it on when its path is none of the service's. */
  (req: SyncMiddlewareRequest, res: ServerResponse, next: (error?: unknown) => void): void;
  /** What it has open, and its status, for a dashboard. */
  readonly server: WatchedServer;
  /**
   * Ends all open streams, lets other answers end within `graceMs`, and resolves when all have ended; later requests are
   * answered 503.
   *
   * @throws TypeError for an option that isn't one, and for a `graceMs` that no timer keeps
   */
  close(options?: CloseServerOptions): Promise<void>;
  /** Closes it, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Serves a chain to other nodes in an Express app (4 or 5): `app.use('/sync', syncMiddleware({ source }))`.
 * Paths below the mount point that are not the protocol's go on to the next handler.
 *
 * @throws TypeError for an option that is missing, unknown or out of bounds
 * @throws SyncError `PLUGIN_INCOMPATIBLE`, `CODEC_UNAVAILABLE`
 */
export function syncMiddleware(options: SyncMiddlewareOptions): SyncMiddleware {
  const { clientKey, ...plan } = serverPlan('syncMiddleware', options, MIDDLEWARE_OPTIONS);
  const server = serverOf(plan);
  const open = new Map<ServerResponse, Promise<void>>();
  const handler = (req: SyncMiddlewareRequest, res: ServerResponse, next: () => void): void => {
    const target = splitTarget(req.url ?? '/');
    if (!server.serves(target.path)) {
      next();
      return;
    }
    const served = serveRequest(server, { req, res, target }, clientKey);
    open.set(res, served);
    void served.then(() => open.delete(res));
  };
  const close = async (options?: CloseServerOptions): Promise<void> => {
    await server.close(options);
    const cutOff = setTimeout(() => {
      for (const res of open.keys()) breakOff(res);
    }, LAST_BYTES_MS);
    await Promise.all(open.values());
    clearTimeout(cutOff);
  };
  return Object.assign(handler, { server, close, [Symbol.asyncDispose]: () => close() });
}

/** At `close`, a client that does not take the rest of what it was sent is cut off after this time. */
const LAST_BYTES_MS = 1_000;
