import { secp256k1Signer } from '../plugins/signer-secp256k1/index.js';
import { createSyncEngine, type SyncEngineConfig } from '../src/index.js';
import { peakRssBytes, settings, tell } from './process.js';

interface Settings {
  readonly url: string;
  readonly location: string;
  readonly codecs?: readonly string[];
  readonly mode?: SyncEngineConfig['mode'];
}

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
