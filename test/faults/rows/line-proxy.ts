import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import compression from 'compression';
import express from 'express';
import { openChain } from '../../../src/index.js';
import { syncMiddleware } from '../../../src/server/express.js';
import { must, type Row } from '../row.js';
import type { Site } from '../site.js';
import { makeDocuments } from '../source.js';

const BOUND_MS = 200;
const ROUNDS = 20;

/** Takes from a response what keeps those on the way from holding it back: `no-transform`, and that it is flushed. */
function heldBack(_request: IncomingMessage, response: ServerResponse, next: () => void): void {
  const setHeader = response.setHeader.bind(response);
  const set: typeof setHeader = (name, value) =>
    setHeader(name, name.toLowerCase() === 'cache-control' ? 'no-store' : value);
  Object.assign(response, { setHeader: set, flush: undefined });
  next();
}

/** Follows a chain behind `compression()`. @returns how long each block took to arrive, in milliseconds */
async function behindCompression(site: Site, isHeldBack: boolean): Promise<readonly string[]> {
  const { documents } = makeDocuments(ROUNDS + 1, 700);
  const chain = await openChain({ storage: { use: 'memory' } });
  site.defer(() => chain.close());
  await chain.append(documents.slice(0, 1));
  const app = express();
  app.use(compression({ threshold: 0 }));
  if (isHeldBack) app.use(heldBack);
  const sync = syncMiddleware({ source: chain });
  app.use('/sync', sync);
  const server = createServer(app);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  site.defer(async () => {
    await sync.close({ graceMs: 0 });
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const headers = { 'accept-encoding': 'gzip, deflate' };
  const request = get({ port, path: '/sync/stream?follow=true&from_height=0', headers });
  site.defer(() => request.destroy());
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let isDue: (() => void) | null = null;
  response.on('data', () => isDue?.());
  response.on('error', () => undefined);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const times: number[] = [];
  for (const document of documents.slice(1)) {
    const startMs = performance.now();
    const came = new Promise<boolean>((resolve) => {
      isDue = () => {
        resolve(true);
      };
      setTimeout(resolve, 3_000, false);
    });
    await chain.append([document]);
    must(await came, 'a block did not arrive within 3 s of being appended');
    times.push(performance.now() - startMs);
  }
  times.sort((a, b) => a - b);
  const [median = 0, max = 0] = [times[ROUNDS / 2], times.at(-1)];
  must(median <= BOUND_MS, `a block took ${median.toFixed(0)} ms`);
  return [`${ROUNDS} blocks, one by one: median ${median.toFixed(1)} ms, at most ${max.toFixed(1)} ms`];
}

export const compressingProxy: Row = {
  name: 'compressing-proxy',
  group: 'line',
  fault: 'npm’s `compression()`, which buffers what it compresses, stands before the middleware',
  bar: 'each new block still arrives by itself, within 200 ms (median of 20)',
  needs: [],
  inSlice: true,
  limitSeconds: 60,
  run: (site) => behindCompression(site, false),
  control: {
    broken: 'a server that says no `no-transform` and does not flush',
    needs: [],
    run: (site) => behindCompression(site, true),
  },
};
