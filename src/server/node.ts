import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import {
  accepting,
  func,
  objectWith,
  readOptions,
  type SpecOf,
  withDefault,
} from '../internal/options/index.js';
import { placeInTurn } from '../internal/turns.js';
import { addressKey } from './client-address.js';
import { admit, refuseBody } from './http1-bounds.js';
import { notFound } from './problem.js';
import { breakOff, sendResponse } from './send.js';
import type { SyncRequest } from './sync-request.js';
import type { SyncServer } from './sync-server.js';
import { parseQuery, splitTarget, type Target } from './target.js';

/** Options of {@link nodeListener}. */
export interface NodeListenerOptions {
  /**
   * Path that the service is mounted at, which begins with `/`.
   *
   * @defaultValue `'/sync'`
   */
  readonly path?: string;
  /**
   * The key that a client's streams and answers are counted under: its address, or what else tells it from others. Behind
   * a proxy, what the proxy says of it.
   *
   * @defaultValue `req.socket.remoteAddress`; of an IPv6 address its network of 64 bits
   */
  clientKey?(req: IncomingMessage): string;
}

/** Readers of the options of {@link nodeListener}. */
export const NODE_LISTENER_OPTIONS = {
  path: withDefault(accepting('a path that begins with /', isPath), '/sync'),
  clientKey: withDefault(func<(req: IncomingMessage) => string>(), addressOf),
} satisfies SpecOf<NodeListenerOptions>;

const syncServer = objectWith<SyncServer>('what `createSyncServer` makes', ['serves', 'handle', 'report']);

/**
 * A listener for `http.createServer` that serves nothing but the sync service; 404 for all other paths.
 *
 * @throws TypeError for an option that isn't one, and for a `path` that is no path
 */
export function nodeListener(server: SyncServer, options: NodeListenerOptions = {}): RequestListener {
  syncServer.read(server, { owner: 'nodeListener', path: 'server' });
  const { path: mount, clientKey } = readOptions('nodeListener', options, NODE_LISTENER_OPTIONS);
  const prefix = mount.endsWith('/') ? mount.slice(0, -1) : mount;
  return (req, res) => {
    const target = splitTarget(req.url ?? '');
    const inside = target.path.startsWith(`${prefix}/`);
    const path = inside ? target.path.slice(prefix.length) : '';
    void serveRequest(server, { req, res, target: { ...target, path } }, clientKey);
  };
}

/** What a client is counted under, where a host says nothing else. */
export function addressOf(req: IncomingMessage): string {
  return addressKey(req.socket.remoteAddress);
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && /^\/[^?#]*$/.test(value);
}

/** One exchange of Node's HTTP server, before it is known whose it is. */
type NewExchange = Omit<NodeExchange, 'clientKey'>;

/** One exchange of Node's HTTP server. */
export interface NodeExchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** The request target below the mount point. */
  readonly target: Target;
  /** What the client's streams and answers are counted under. */
  readonly clientKey: string;
}

/**
 * Answers one exchange; never rejects. Resolves when the response was handed over or the client has gone.
 *
 * @param clientKey - the host's: where it throws, the request fails, and no other.
 */
export async function serveRequest<Req extends IncomingMessage>(
  server: SyncServer,
  { req, res, target }: NewExchange & { readonly req: Req },
  clientKey: (req: Req) => string,
): Promise<void> {
  if (!admit(req, res)) return;
  const gone = new AbortController();
  const onClose = (): void => {
    gone.abort();
  };
  res.once('close', onClose);
  const stopCounting = server.tally.open(res);
  try {
    const turn = placeInTurn();
    if (turn !== null) await turn;
    // Nobody waits for it: no store is read, and no stream ends that a later request of this client has begun.
    if (gone.signal.aborted) return;
    const exchange = { req, res, target, clientKey: addressKey(undefined) };
    const response = await answer(server, exchange, gone.signal, () => {
      exchange.clientKey = clientKey(req);
    });
    refuseBody(req, res);
    await sendResponse(res, response, server.limits, () => {
      server.evicted({ path: exchange.target.path, clientKey: exchange.clientKey });
    });
  } catch (error) {
    // The operator hears of it before the client can.
    if (!gone.signal.aborted) server.report(error);
    breakOff(res);
  } finally {
    stopCounting();
    // One that was sent to its end leaves nothing to call off, and an abort is dear.
    if (!res.writableFinished) gone.abort();
    res.off('close', onClose);
  }
}

async function answer(
  server: SyncServer,
  exchange: NodeExchange,
  signal: AbortSignal,
  identify: () => void,
): ReturnType<SyncServer['handle']> {
  try {
    // Code of the host's: what it throws must not come out of the listener, where it would end the process.
    identify();
    return await server.handle(toRequest(server, exchange), { signal });
  } catch (error) {
    const { req, target, clientKey } = exchange;
    return server.refuse({ method: methodOf(req), path: target.path, clientKey }, error, signal);
  }
}

function methodOf({ method = 'GET' }: IncomingMessage): string {
  return method;
}

function toRequest(server: SyncServer, exchange: NodeExchange): SyncRequest {
  if (!server.serves(exchange.target.path)) throw notFound();
  return requestOf(exchange);
}

/** The request of an exchange. @throws SyncError `BAD_REQUEST` for a query that is none */
export function requestOf({ req, target, clientKey }: NodeExchange): SyncRequest {
  return {
    method: methodOf(req),
    path: target.path,
    query: parseQuery(target.query),
    header: (name) => headerOf(req, name),
    clientKey,
    req,
  };
}

function headerOf(req: IncomingMessage, name: string): string | null {
  const value = req.headers[name];
  return Array.isArray(value) ? value.join(', ') : (value ?? null);
}
