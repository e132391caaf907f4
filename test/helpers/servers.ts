import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import express from 'express';
import type { BlockSource } from '../../src/contracts/index.js';
import { syncMiddleware } from '../../src/server/express.js';

type Teardown = Pick<ExecutionContext, 'teardown'>;

/** Starts an HTTP server on a free port of 127.0.0.1; the returned origin is good until the test ends. */
export async function listen(t: Teardown, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Serves a source under /sync of an Express app. */
export async function serveSource(t: Teardown, source: BlockSource): Promise<string> {
  const app = express();
  const middleware = syncMiddleware({ source });
  app.use('/sync', middleware);
  t.teardown(() => middleware.close());
  return listen(t, app);
}

/** A block event as a plain server writes it. */
export function blockEvent(height: number, document: Uint8Array): string {
  return `id: ${height}\nevent: block\ndata: ${gzipSync(document).toString('base64')}\n\n`;
}

/** A `complete` event. */
export function completeEvent(data: object): string {
  return `event: complete\ndata: ${JSON.stringify(data)}\n\n`;
}

/** A server that has only `/sync/stream` and answers each request with what `respond` writes. */
export async function plainServer(
  t: Teardown,
  respond: (fromHeight: number, response: ServerResponse, request: IncomingMessage) => void,
): Promise<string> {
  return listen(t, (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname !== '/sync/stream') {
      response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not found</h1>');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    respond(Number(url.searchParams.get('from_height')), response, request);
  });
}

/** Answers a request by what comes of asking another server. Where that can't be asked any more, the client is cut off. */
export function answerBy(response: ServerResponse, answered: Promise<unknown>): void {
  answered.catch(() => response.destroy());
}
