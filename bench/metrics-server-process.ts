import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { openChain } from '../src/index.js';
import { createMetrics } from '../src/metrics/index.js';
import { syncMiddleware } from '../src/server/express.js';
import { settings, tell } from './process.js';
import { findWorkload } from './workloads.js';

/**
 * Serves one chain at two paths, `/plain` and `/measured`, of which one has metrics, and tells what it has used at `/cpu`.
 * `first` is the one that is made and asked first.
 */
const {
  workload: name,
  blocks,
  first,
} = settings() as {
  readonly workload: string;
  readonly blocks: number;
  readonly first: 'plain' | 'measured';
};
const workload = findWorkload(name, blocks);
if (workload === null) throw new Error(`There is no workload ${name}.`);
const chain = await openChain({ storage: { use: 'memory' }, chain: workload.chain });
for await (const document of workload.documents()) await chain.append([document]);
const metrics = createMetrics();
metrics.watch(chain);
const app = express();
const limits = { maxStreams: 100, maxStreamsPerAddress: 100 };
const paths = first === 'plain' ? (['plain', 'measured'] as const) : (['measured', 'plain'] as const);
const services = paths.map((path) => {
  const service = syncMiddleware({ source: chain, limits, ...(path === 'measured' ? { metrics } : {}) });
  app.use(`/${path}`, service);
  return service;
});
app.get('/cpu', (request, response) => {
  if (request.query['gc'] === '1') globalThis.gc?.();
  response.json(process.cpuUsage());
});
const server = createServer(app);
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
process.once('message', () => {
  server.closeAllConnections();
  server.close();
  void Promise.all(services.map((service) => service.close())).then(() => {
    process.disconnect();
  });
});
await tell({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
