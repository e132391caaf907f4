import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Closeable } from '../contracts/index.js';
import { func, type SpecOf, withDefault } from '../internal/options/index.js';
import { serverOf } from './create-server.js';
import { serveRequest } from './node.js';
import { SERVER_OPTIONS, serverPlan, type SyncServerConfig } from './plan.js';
import { breakOff } from './send.js';
import { splitTarget } from './target.js';

export type { SyncServerConfig } from './plan.js';

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
   * The key that a client's streams are counted under: its address, or what else tells it from others, such as a tenant.
   *
   * @defaultValue `req.ip`, which respects the app's `trust proxy`
   */
  clientKey?(req: SyncMiddlewareRequest): string;
}

/** Readers of the middleware's options. */
export const MIDDLEWARE_OPTIONS = {
  ...SERVER_OPTIONS,
  clientKey: withDefault(func<(req: SyncMiddlewareRequest) => string>(), addressOf),
} satisfies SpecOf<SyncMiddlewareOptions>;

/** An Express middleware with what it holds open. */
export interface SyncMiddleware extends Closeable {
  /** Answers a request, or hands it on when its path is none of the service's. */
  (req: SyncMiddlewareRequest, res: ServerResponse, next: (error?: unknown) => void): void;
  /** Ends all open streams and resolves when they have ended; later requests are answered 503. */
  close(): Promise<void>;
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
    const served = serveRequest(server, { req, res, target, clientKey: clientKey(req) });
    open.set(res, served);
    void served.then(() => open.delete(res));
  };
  const close = async (): Promise<void> => {
    const closed = server.close();
    const cutOff = setTimeout(() => {
      for (const res of open.keys()) breakOff(res);
    }, CLOSE_GRACE_MS);
    await Promise.all(open.values());
    clearTimeout(cutOff);
    await closed;
  };
  return Object.assign(handler, { close });
}

/** At `close`, a client that does not take the rest of what it was sent is cut off after this time. */
const CLOSE_GRACE_MS = 1_000;

function addressOf(req: SyncMiddlewareRequest): string {
  return req.ip ?? req.socket.remoteAddress ?? 'unknown';
}
