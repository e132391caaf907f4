import { createSyncEngine } from '../src/index.js';

/** Syncs a new store (argv: URL, directory, codec) and tells how long it took and how much memory at most. */
const [url = '', location = '', codec = 'gzip'] = process.argv.slice(2);
const startedMs = performance.now();
const engine = createSyncEngine({ peers: [url], storage: { use: 'leveldb', location }, codecs: [codec] });
await engine.start();
const elapsedMs = performance.now() - startedMs;
const { blocks, bytes } = engine.state.progress;
await engine.close();
process.send?.({ elapsedMs, blocks, bytes, maxRssBytes: process.resourceUsage().maxRSS * 1024 });
