import { PLUGIN_API_VERSION, type StoragePlugin } from '../../src/contracts/index.js';
import { LevelStorage, type LevelStorageOptions } from './level-storage.js';

export type { LevelStorageOptions } from './level-storage.js';

/**
 * The embedded LevelDB store: each block one already compressed frame with a checksum, block, state and head in one
 * synced batch, heights and links checked at every start.
 */
export function levelStorage(options: LevelStorageOptions): StoragePlugin {
  if (typeof options.location !== 'string' || options.location === '') {
    throw new TypeError('`location` must name a directory.');
  }
  return {
    kind: 'storage',
    name: 'leveldb',
    apiVersion: PLUGIN_API_VERSION,
    create: () => new LevelStorage(options),
  };
}
