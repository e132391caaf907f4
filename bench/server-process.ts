import { join } from 'node:path';
import express from 'express';
import type { BlockSource, ChainConfig } from '../src/index.js';
import type { SnapshotServerOptions } from '../plugins/transport-snapshot/server/index.js';
import { checkout, HERE, tilesMade } from './checkout.js';
import { settings } from './process.js';
import { serveUntilStopped } from './serve.js';

interface Settings {
  readonly location?: string;
  /** A store that is not in LevelDB. */
  readonly storage?: ChainConfig['storage'];
  /** Built modules of the version that serves; this one's by default. */
  readonly dist?: string;
  /** Whether the snapshots beside the store are served. */
  readonly snapshots?: boolean;
  /** Whether the tiles are served that the store has. Default yes. */
  readonly tiles?: boolean;
}

/** Serves a store until it is told to stop, then tells its peak memory and the bytes it sent. */
const { location = '', storage, dist = HERE, snapshots = false, tiles = true } = settings() as Settings;
const { openChain } = await checkout(dist).blockferry();
const { syncMiddleware } = await checkout(dist).express();
const level = { use: 'leveldb', location, createIfMissing: false } as const;
const chain = await openChain({ storage: storage ?? level });
await tilesMade(chain);
const app = express();
const middleware = syncMiddleware({
  source: tiles ? chain : withoutTiles(chain),
  limits: { maxStreams: 1000, maxStreamsPerAddress: 1000 },
  ...(snapshots ? { snapshots: await served() } : {}),
});
app.use('/sync', middleware);
await serveUntilStopped(app, async () => {
  await middleware.close();
  await chain.close();
});

async function served(): Promise<SnapshotServerOptions> {
  const signer = await (await checkout(dist).signer()).secp256k1Signer(new Uint8Array(32).fill(1));
  return { signer, directory: join(location, 'snapshots'), types: ['full'] };
}

/** The same chain from a server that serves no tiles. */
function withoutTiles(of: typeof chain): BlockSource {
  return {
    chain: of.chain,
    chainId: () => of.chainId(),
    tip: () => of.tip(),
    header: (height) => of.header(height),
    read: (range, options) => of.read(range, options),
    subscribe: (listener) => of.subscribe(listener),
    storedAs: () => of.storedAs(),
  };
}
