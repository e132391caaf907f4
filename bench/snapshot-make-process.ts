import { bzip2 } from '../plugins/codec-bzip2/index.js';
import { gzip } from '../plugins/codec-gzip/index.js';
import { identity } from '../plugins/codec-identity/index.js';
import { secp256k1Signer } from '../plugins/signer-secp256k1/index.js';
import { openArchive } from '../plugins/transport-snapshot/index.js';
import { openChain } from '../src/index.js';
import { createCodecWorkers } from '../src/workers/index.js';
import { peakRssBytes, settings, tell } from './process.js';

/** Makes a full snapshot and tells how long it took and how much memory at most. */
const { location, directory } = settings() as { readonly location: string; readonly directory: string };
const chain = await openChain({ storage: { use: 'leveldb', location, createIfMissing: false } });
const workers = createCodecWorkers([gzip(), identity(), bzip2()]);
const signer = await secp256k1Signer(new Uint8Array(32).fill(1));
const archive = await openArchive(directory);
const startedMs = performance.now();
const { manifest } = await archive.build({ source: chain, workers, signer, type: 'full', codec: 'bzip2' });
const elapsedMs = performance.now() - startedMs;
await workers.close();
await chain.close();
const { size, rawSize, parts } = manifest;
await tell({ elapsedMs, size, rawSize, parts: parts.length, maxRssBytes: peakRssBytes() });
