import type { Http2Server, Http2SecureServer, ServerHttp2Session } from 'node:http2';

const sessionsOf = new WeakMap<object, Set<ServerHttp2Session>>();

/** Remembers a server's sessions: Node's `close` waits for them and tells them nothing. */
export function trackSessions(server: Http2Server | Http2SecureServer): void {
  const sessions = new Set<ServerHttp2Session>();
  sessionsOf.set(server, sessions);
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
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
