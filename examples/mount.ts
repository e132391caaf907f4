import type { RequestListener } from 'node:http';
import type { SyncMiddleware } from 'blockferry/express';

/**
 * Puts the sync service at a path in front of any listener of Node's: that of Fastify, NestJS, Koa, or one's own. What is
 * not the service's goes to that listener, with its address as it came. Express is not needed.
 */
export function mounted(path: string, sync: SyncMiddleware, others: RequestListener): RequestListener {
  return (request, response) => {
    const { url = '/' } = request;
    if (!url.startsWith(`${path}/`)) {
      others(request, response);
      return;
    }
    request.url = url.slice(path.length);
    sync(request, response, () => {
      request.url = url;
      others(request, response);
    });
  };
}
