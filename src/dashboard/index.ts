import type { ServerResponse } from 'node:http';
import type { Chain } from '../chain/chain.js';
import type { SyncEngine } from '../engine/sync-engine.js';
import {
  func,
  objectWith,
  optional,
  readOptions,
  refusal,
  type SpecOf,
  withDefault,
} from '../internal/options/index.js';
import type { Authorize } from '../server/access/types.js';
import { addressOf, type SyncMiddlewareRequest } from '../server/middleware-options.js';
import { challenge } from '../server/plan.js';
import { splitTarget } from '../server/target.js';
import { Dashboard } from './dashboard.js';
import type { WatchedServer } from './watched.js';

export type { WatchedServer } from './watched.js';

/** Options of {@link syncDashboard}: what there is of a node, at least an engine or a chain. */
export interface SyncDashboardOptions {
  /**
   * The engine that follows peers. Its chain is shown.
   *
   * @defaultValue `null`
   */
  readonly engine?: SyncEngine | null;
  /**
   * The chain of a node that follows nobody; else that of the engine is shown.
   *
   * @defaultValue `null`
   */
  readonly chain?: Chain | null;
  /**
   * What serves others: `server` of what `syncMiddleware` makes.
   *
   * @defaultValue `null`
   */
  readonly server?: WatchedServer | null;
  /**
   * Says who asks, before anything is shown: the page, what feeds it, and blocks. The same as that of `syncMiddleware`;
   * it has 10 seconds. `null` shows it to everybody whom the app lets through.
   *
   * @defaultValue `null`
   */
  readonly authorize?: Authorize | null;
  /**
   * `WWW-Authenticate` of the 401 that goes to whom `authorize` does not know. With `Basic realm="…"`, browsers ask for a
   * name and a password.
   *
   * @defaultValue `'Bearer'`
   */
  readonly challenge?: string;
  /**
   * Called with failures that clients are told nothing about. Must not throw.
   *
   * @defaultValue nothing
   */
  readonly onError?: (error: unknown) => void;
}

/** Readers of {@link SyncDashboardOptions}. */
export const DASHBOARD_OPTIONS = {
  engine: optional(
    objectWith<SyncEngine>('an engine, as `createSyncEngine` makes', ['start', 'opened', 'close']),
  ),
  chain: optional(objectWith<Chain>('a chain, as `openChain` makes', ['tip', 'read', 'decode', 'subscribe'])),
  server: optional(objectWith<WatchedServer>('`server` of what `syncMiddleware` makes', ['status'])),
  authorize: optional(func<Authorize>()),
  challenge: challenge(),
  onError: withDefault(func<(error: unknown) => void>(), () => undefined),
} satisfies SpecOf<SyncDashboardOptions>;

/** A dashboard as a middleware, with what it holds open. */
export interface SyncDashboard {
  /** Answers a request, or hands it on when its path is none of the dashboard's. */
  (req: SyncMiddlewareRequest, res: ServerResponse, next: (error?: unknown) => void): void;
  /** Shows what a server hands on that was made later, as that of an engine's chain; `null` for none any more. */
  serve(server: WatchedServer | null): void;
  /** Ends its streams and stops listening to the node. Later requests are answered 503. */
  close(): void;
}

/**
 * Serves a page that shows a node as it syncs, in an Express app (4 or 5):
 * `app.use('/sync/ui', requireLogin, syncDashboard({ engine }))`. Whoever reaches it sees the addresses of peers and can
 * read every block: put the app's own check of who asks in front of it, as `requireLogin` is here, or pass `authorize`.
 *
 * The page loads nothing from elsewhere, and no more than 16 are live at once, of one client 4; others ask every two
 * seconds.
 *
 * @throws TypeError for an option that isn't one, and for neither engine nor chain
 */
export function syncDashboard(options: SyncDashboardOptions): SyncDashboard {
  const owner = 'syncDashboard';
  const { engine, chain, server, ...settings } = readOptions(owner, options, DASHBOARD_OPTIONS);
  if (engine === null && chain === null)
    throw refusal({ owner, path: 'engine' }, 'or `chain` has to be there.');
  const dashboard = new Dashboard(settings);
  dashboard.watch({ engine, chain });
  dashboard.serve(server);
  const handler = (req: SyncMiddlewareRequest, res: ServerResponse, next: () => void): void => {
    const target = splitTarget(req.url ?? '/');
    if (dashboard.serves(target.path)) void dashboard.handle({ req, res, target, clientKey: addressOf(req) });
    else next();
  };
  return Object.assign(handler, {
    serve: (later: WatchedServer | null) => {
      dashboard.serve(DASHBOARD_OPTIONS.server.read(later, { owner: 'serve', path: 'server' }));
    },
    close: () => {
      dashboard.close();
    },
  });
}
