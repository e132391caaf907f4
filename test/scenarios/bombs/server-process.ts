// A server over HTTP/1.1 and HTTP/2 that tells its parent how long its event loop stood still, and what memory it took.
import { createServer } from 'node:http';
import { listenAt } from '../../server/http2-support.js';
import { secp256k1Signer } from '../../../plugins/signer-secp256k1/index.js';
import { openChain } from '../../../src/index.js';
import { createHttp2CleartextServer } from '../../../src/server/http2.js';
import { createSyncServer, nodeListener } from '../../../src/server/index.js';
import { peakBytes, type Stall, StallWatch } from './stall.js';

/** What the parent may say. */
export type Word = 'begin' | 'end';
/** What it is told. */
export type Told =
  { readonly http1: number; readonly http2: number } | { readonly stall: Stall; readonly peakBytes: number };

const [location = '', directory = ''] = process.argv.slice(2);
const chain = await openChain({
  storage: { use: 'leveldb', location },
  chain: 'sealed-json',
  finality: { depth: 64 },
});
const snapshots = { signer: await secp256k1Signer(new Uint8Array(32).fill(9)), directory, codecs: ['gzip'] };
const sync = createSyncServer({ source: chain, snapshots });
const listener = nodeListener(sync, {
  // Those that come from many addresses say which.
  clientKey: (req) => String(req.headers['x-client'] ?? req.socket.remoteAddress),
});
const watch = new StallWatch();
const tell = (told: Told): void => void process.send?.(told);

process.on('message', (word: Word) => {
  if (word === 'end') {
    void watch.longest().then((stall) => {
      tell({ stall, peakBytes: peakBytes() });
    });
    return;
  }
  watch.begin();
  process.send?.('begun');
});
const http1 = await listenAt(createServer(listener));
const http2 = await listenAt(createHttp2CleartextServer(listener));
tell({ http1, http2 });
