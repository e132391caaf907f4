import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { openChain } from '../src/index.js';
import { syncMiddleware } from '../src/server/express.js';

/** Serves the store named on the command line until it is told to stop, then tells its peak memory. */
const location = process.argv[2] ?? '';
const chain = await openChain({ storage: { use: 'leveldb', location, createIfMissing: false } });
const app = express();
app.use('/sync', syncMiddleware({ source: chain }));
const server = createServer(app);
server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
process.once('message', () => {
  server.closeAllConnections();
  server.close();
  void chain.close().then(() => {
    process.send?.({ maxRssBytes: process.resourceUsage().maxRSS * 1024 }, () => {
      process.disconnect();
    });
  });
});
