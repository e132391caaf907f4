// What worker threads of a bundle run: `blockferry/worker`, bundled by itself and put beside the bundle. Each thread is told
// which of the programs it is, and loads no more than that needs.
import { BUNDLED } from '../internal/node/own-module.js';
import { bundledModules } from '../workers/serve.js';

const PROGRAMS: Readonly<Record<string, () => Promise<object>>> = {
  'src/workers/thread.js': () => import('../workers/thread.js'),
  'src/workers/tile-thread.js': () => import('../workers/tile-thread.js'),
  'plugins/storage-leveldb/tile-thread-entry.js': () =>
    import('../../plugins/storage-leveldb/tile-thread-entry.js'),
};

const MODULES: typeof PROGRAMS = {
  'plugins/codec-gzip/worker.js': () => import('../../plugins/codec-gzip/worker.js'),
  'plugins/codec-identity/worker.js': () => import('../../plugins/codec-identity/worker.js'),
  'plugins/codec-bzip2/worker.js': () => import('../../plugins/codec-bzip2/worker.js'),
  'plugins/codec-zstd/worker.js': () => import('../../plugins/codec-zstd/worker.js'),
  'plugins/chain-sealed-json/worker.js': () => import('../../plugins/chain-sealed-json/worker.js'),
  'plugins/chain-linked/worker.js': () => import('../../plugins/chain-linked/worker.js'),
  'plugins/chain-ethereum/worker.js': () => import('../../plugins/chain-ethereum/worker.js'),
  'plugins/chain-ethereum/bft/worker.js': () => import('../../plugins/chain-ethereum/bft/worker.js'),
  'plugins/chain-cometbft/worker.js': () => import('../../plugins/chain-cometbft/worker.js'),
  'plugins/chain-bitcoin/worker.js': () => import('../../plugins/chain-bitcoin/worker.js'),
  'plugins/chain-fabric/worker.js': () => import('../../plugins/chain-fabric/worker.js'),
};

for (const [path, load] of Object.entries(MODULES)) bundledModules.set(`${BUNDLED}${path}`, load);

// Anything else has only imported this.
for (const [path, run] of Object.entries(PROGRAMS)) {
  if (process.argv.at(-1) === `${BUNDLED}${path}`) void run();
}
