import { secp256k1Signer } from '../plugins/signer-secp256k1/index.js';
import { createSyncEngine, type SyncEngineConfig } from '../src/index.js';
import { peakRssBytes, settings, tell } from './process.js';

interface Settings {
  readonly url: string;
  readonly location: string;
  readonly codecs?: readonly string[];
  readonly mode?: SyncEngineConfig['mode'];
}

/*
 * The modules that the engine loads when it needs them. The rivals have loaded theirs when their time starts, so ours
 * are loaded here too; how long loading takes is a figure of its own.
 */
await Promise.all([
  import('../plugins/chain-sealed-json/index.js'),
  import('../plugins/codec-gzip/index.js'),
  import('../plugins/codec-identity/index.js'),
  import('../plugins/storage-leveldb/index.js'),
  import('../plugins/transport-json-range/client/index.js'),
  import('../plugins/transport-sse/client/index.js'),
  import('../src/di/assemble.js'),
  import('../src/di/codecs.js'),
  import('../src/engine/sync-run.js'),
]);

/** Syncs a new store and tells how long it took, what it has, and how much memory it had at most. */
const { url, location, codecs, mode = 'auto' } = settings() as Settings;
const { publicKey } = await secp256k1Signer(new Uint8Array(32).fill(1));
const startedMs = performance.now();
const engine = createSyncEngine({
  peers: [url],
  storage: { use: 'leveldb', location },
  ...(codecs === undefined ? {} : { codecs }),
  mode,
  trust: { signers: [publicKey] },
  snapshot: { type: 'full' },
});
let firstMode: string | null = null;
engine.states.subscribe(({ mode: way }) => {
  firstMode ??= way;
});
await engine.start();
const elapsedMs = performance.now() - startedMs;
const { checkpoint } = engine.state;
await engine.close();
const head = checkpoint?.head ?? null;
const blocks = head === null ? 0 : head.height - (checkpoint?.base ?? 0) + 1;
await tell({ elapsedMs, blocks, headHash: head?.hash, mode: firstMode, maxRssBytes: peakRssBytes() });
