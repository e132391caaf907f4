import { secp256k1Signer } from '../plugins/signer-secp256k1/index.js';
import { createSyncEngine } from '../src/index.js';

/** Syncs a new store (argv: URL, directory, codec, mode) and tells how long it took and how much memory at most. */
const [url = '', location = '', codec = 'gzip', mode = 'stream'] = process.argv.slice(2);
const { publicKey } = await secp256k1Signer(new Uint8Array(32).fill(1));
const startedMs = performance.now();
const engine = createSyncEngine({
  peers: [url],
  storage: { use: 'leveldb', location },
  codecs: [codec],
  mode: mode as 'stream' | 'json' | 'snapshot',
  trust: { signers: [publicKey] },
  snapshot: { type: 'full' },
});
await engine.start();
const elapsedMs = performance.now() - startedMs;
const { blocks, bytes } = engine.state.progress;
await engine.close();
process.send?.({ elapsedMs, blocks, bytes, maxRssBytes: process.resourceUsage().maxRSS * 1024 });
