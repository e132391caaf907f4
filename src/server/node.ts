import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { problemResponse, notFound } from './problem.js';
import { breakOff, sendResponse } from './send.js';
import type { SyncRequest, SyncServer } from './sync-server.js';
import { parseQuery, splitTarget, type Target } from './target.js';

/** Options of {@link nodeListener}. */
export interface NodeListenerOptions {
  /** Path that the service is mounted at. Default `/sync`. */
  readonly path?: string;
}

/** A listener for `http.createServer` that serves nothing but the sync service; 404 for all other paths. */
export function nodeListener(server: SyncServer, options: NodeListenerOptions = {}): RequestListener {
  const { path: mount = '/sync' } = options;
  const prefix = mount.endsWith('/') ? mount.slice(0, -1) : mount;
  return (req, res) => {
    const target = splitTarget(req.url ?? '');
    const inside = target.path.startsWith(`${prefix}/`);
    const path = inside ? target.path.slice(prefix.length) : '';
    const clientKey = req.socket.remoteAddress ?? 'unknown';
    void serveRequest(server, { req, res, target: { ...target, path }, clientKey });
  };
}

/** One exchange of Node's HTTP server. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** The request target below the mount point. */
  readonly target: Target;
  /** What the client's streams are counted under. */
  readonly clientKey: string;
}

/** Answers one exchange; never rejects. Resolves when the response was handed over or the client has gone. */
export async function serveRequest(server: SyncServer, exchange: Exchange): Promise<void> {
  const { res } = exchange;
  const gone = new AbortController();
  const onClose = (): void => {
    gone.abort();
  };
  res.once('close', onClose);
  try {
    const response = await answer(server, exchange, gone.signal);
    await sendResponse(res, response, server.limits);
  } catch (error) {
    breakOff(res);
    if (!gone.signal.aborted) server.report(error);
  } finally {
    gone.abort();
    res.off('close', onClose);
  }
}

async function answer(
  server: SyncServer,
  exchange: Exchange,
  signal: AbortSignal,
): ReturnType<SyncServer['handle']> {
  try {
    return await server.handle(toRequest(server, exchange), { signal });
  } catch (error) {
    return problemResponse(error, (failure) => {
      server.report(failure);
    });
  }
}

function toRequest(server: SyncServer, { req, target, clientKey }: Exchange): SyncRequest {
  const { path, query } = target;
  if (!server.serves(path)) throw notFound();
  return {
    method: req.method ?? 'GET',
    path,
    query: parseQuery(query),
    header: (name) => headerOf(req, name),
    clientKey,
  };
}

function headerOf(req: IncomingMessage, name: string): string | null {
  const value = req.headers[name];
  return Array.isArray(value) ? value.join(', ') : (value ?? null);
}
