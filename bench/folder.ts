import { zstdSupported } from '../plugins/codec-zstd/index.js';
import { Folder } from '../src/cli/publish/folder.js';
import { wholeForm } from '../src/cli/publish/form.js';
import { publish } from '../src/cli/publish/publish.js';
import { assembleWorkers } from '../src/di/workers.js';
import { openChain } from '../src/index.js';
import type { Way } from './ways.js';

/** Publishes a whole store as files, in zstd too where this Node has it. */
export async function writeFolder(store: string, folder: string): Promise<void> {
  const chain = await openChain({ storage: { use: 'leveldb', location: store, createIfMissing: false } });
  const { workers } = await assembleWorkers([]);
  try {
    const order = {
      ...{ chain, settled: chain.tip().head?.height ?? -1, isDigested: chain.chain !== 'sealed-json' },
      signal: new AbortController().signal,
    };
    await publish(order, new Folder(folder), {
      forms: zstdSupported() ? [wholeForm('zstd', workers)] : [],
      archive: null,
      complete: null,
      onPiece: () => undefined,
      onPage: () => undefined,
    });
  } finally {
    await workers.close();
    await chain.close();
  }
}

/** Tiles from such a folder, in each of the encodings that it has them in. */
export function folderWays(folder: string, copy: string, chain: string): readonly Way[] {
  const way = (codec: string): Way => ({
    name: `folder-${codec}`,
    title: `tiles in ${codec}, a folder of files`,
    chain: 'ours',
    blocks: null,
    mode: 'tiles',
    server: { module: 'folder-server-process', settings: { folder } },
    client: {
      module: 'client-process',
      settings: { location: copy, chain, config: { mode: 'auto', codecs: [codec, 'identity'] } },
    },
  });
  return [way('gzip'), ...(zstdSupported() ? [way('zstd')] : [])];
}
