import { join } from 'node:path';
import express from 'express';
import { secp256k1Signer } from '../plugins/signer-secp256k1/index.js';
import { openChain } from '../src/index.js';
import { syncMiddleware } from '../src/server/express.js';
import { settings } from './process.js';
import { serveUntilStopped } from './serve.js';

/** Serves a store until it is told to stop, then tells its peak memory and the bytes it sent. */
const { location } = settings() as { readonly location: string };
const chain = await openChain({ storage: { use: 'leveldb', location, createIfMissing: false } });
const app = express();
const signer = await secp256k1Signer(new Uint8Array(32).fill(1));
const directory = join(location, 'snapshots');
const limits = { maxStreams: 1000, maxStreamsPerAddress: 1000 };
const middleware = syncMiddleware({
  source: chain,
  limits,
  snapshots: { signer, directory, types: ['full'] },
});
app.use('/sync', middleware);
await serveUntilStopped(app, async () => {
  await middleware.close();
  await chain.close();
});
