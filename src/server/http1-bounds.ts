import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests of one connection that may wait for answers. Clients that send one before the other is answered are rare. */
const MAX_PIPELINED = 32;

/** Responses of a connection that are not over. */
const waiting = new WeakMap<Socket, Set<ServerResponse>>();

/**
 * Counts a request of HTTP/1.1 until its response is over. Node takes as many as come in one read before it looks whether
 * any answer is read, and holds the answers of all.
 *
 * @returns `false` when there are too many on its connection, which is closed.
 */
export function admit({ socket, httpVersionMajor }: IncomingMessage, res: ServerResponse): boolean {
  if (httpVersionMajor >= 2) return true;
  const open = waiting.get(socket) ?? watched(socket);
  if (open.size >= MAX_PIPELINED) {
    socket.destroy();
    return false;
  }
  open.add(res);
  res.once('close', () => open.delete(res));
  return true;
}

/** Node tells only the response whose turn it is that the connection is gone; those behind it would wait for nothing. */
function watched(socket: Socket): Set<ServerResponse> {
  const open = new Set<ServerResponse>();
  waiting.set(socket, open);
  socket.once('close', () => {
    for (const res of [...open].filter((each) => each.socket === null)) {
      res.destroy();
      res.emit('close');
    }
  });
  return open;
}

/**
 * Lets the connection end with the response where a body was sent, which no request here has: Node would read all of it
 * to get to the next request.
 */
export function refuseBody(req: IncomingMessage, res: ServerResponse): void {
  const { 'transfer-encoding': encoding, 'content-length': length = '0' } = req.headers;
  const hasBody = encoding !== undefined || length !== '0';
  if (req.httpVersionMajor < 2 && hasBody && !req.complete) res.setHeader('connection', 'close');
}
