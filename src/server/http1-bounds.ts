import type { IncomingMessage, ServerResponse } from 'node:http';

/** Requests of one connection that may wait for answers. Clients that send one before the other is answered are rare. */
const MAX_PIPELINED = 32;

const waiting = new WeakMap<object, number>();

/**
 * Counts a request of HTTP/1.1 until its response is over. Node takes as many as come in one read before it looks whether
 * any answer is read, and holds the answers of all.
 *
 * @returns `false` when there are too many on its connection, which is closed.
 */
export function admit({ socket, httpVersionMajor }: IncomingMessage, res: ServerResponse): boolean {
  if (httpVersionMajor >= 2) return true;
  const count = (waiting.get(socket) ?? 0) + 1;
  if (count > MAX_PIPELINED) {
    socket.destroy();
    return false;
  }
  waiting.set(socket, count);
  res.once('close', () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1));
  return true;
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
