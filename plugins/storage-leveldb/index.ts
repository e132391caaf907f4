import { PLUGIN_API_VERSION, type StoragePlugin } from '../../src/contracts/index.js';
import { readOptions } from '../../src/internal/options/index.js';
import { LevelStorage } from './level-storage.js';
import { LEVEL_OPTIONS, type LevelStorageOptions } from './options.js';

export type { LevelStorageOptions } from './options.js';

/**
 * The embedded LevelDB store: new blocks as frames, settled ones as tiles, all with checksums; block, state and head in
 * one synced batch, heights and links checked at every start.
 *
 * @throws TypeError for a location that is no path, and for an option that there isn't.
 */
export function levelStorage(options: LevelStorageOptions): StoragePlugin {
  const settings = readOptions('levelStorage', options, LEVEL_OPTIONS);
  return {
    kind: 'storage',
    name: 'leveldb',
    apiVersion: PLUGIN_API_VERSION,
    create: () => new LevelStorage(settings),
  };
}
