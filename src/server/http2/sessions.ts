import type { Http2Server, Http2SecureServer, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { endFloods } from './flood.js';

const sessionsOf = new WeakMap<object, Set<ServerHttp2Session>>();

/** A session without any stream is closed after so long: a client that is there pings, or opens another. */
const SESSION_IDLE_MS = 120_000;

/**
 * Remembers a server's sessions, since Node's `close` waits for them and tells them nothing; closes those that nothing
 * happens in, and ends those that flood.
 */
export function trackSessions(
  server: Http2Server | Http2SecureServer,
  { idleMs = SESSION_IDLE_MS }: { readonly idleMs?: number } = {},
): void {
  const sessions = new Set<ServerHttp2Session>();
  sessionsOf.set(server, sessions);
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    closeIdle(session, idleMs);
    endFloods(session);
  });
}

/** A stream that is open is bounded by who answers it, however silent it is. */
function closeIdle(session: ServerHttp2Session, idleMs: number): void {
  let open = 0;
  session.on('stream', (stream: ServerHttp2Stream) => {
    open += 1;
    stream.once('close', () => {
      open -= 1;
    });
  });
  session.setTimeout(idleMs, () => {
    if (open === 0 && !session.destroyed) session.close();
  });
}

/** Whether a server is one whose sessions are known. */
export function isTracked(server: unknown): server is Http2Server | Http2SecureServer {
  return typeof server === 'object' && server !== null && sessionsOf.has(server);
}

/** Sends GOAWAY to all clients; the returned function cuts off those that are still there. */
export function goAway(server: Http2Server | Http2SecureServer): () => void {
  const sessions = sessionsOf.get(server) ?? new Set();
  for (const session of sessions) session.close();
  return () => {
    for (const session of sessions) session.destroy();
  };
}
