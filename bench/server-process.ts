import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express from 'express';
import { secp256k1Signer } from '../plugins/signer-secp256k1/index.js';
import { openChain } from '../src/index.js';
import { syncMiddleware } from '../src/server/express.js';

/** Serves the store named on the command line until it is told to stop, then tells its peak memory. */
const location = process.argv[2] ?? '';
const chain = await openChain({ storage: { use: 'leveldb', location, createIfMissing: false } });
const app = express();
const signer = await secp256k1Signer(new Uint8Array(32).fill(1));
const directory = join(location, 'snapshots');
const middleware = syncMiddleware({ source: chain, snapshots: { signer, directory } });
app.use('/sync', middleware);
const server = createServer(app);
server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
process.once('message', () => {
  server.closeAllConnections();
  server.close();
  const closed = middleware.close().then(() => chain.close());
  void closed.then(() => {
    process.send?.({ maxRssBytes: process.resourceUsage().maxRSS * 1024 }, () => {
      process.disconnect();
    });
  });
});
