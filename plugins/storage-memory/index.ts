import { PLUGIN_API_VERSION, type StoragePlugin } from '../../src/contracts/index.js';
import { MemoryStorage } from './memory-storage.js';

/** A store that is gone with the process: for tests, for caches, and for hosts that keep blocks elsewhere. */
export function memoryStorage(): StoragePlugin {
  return {
    kind: 'storage',
    name: 'memory',
    apiVersion: PLUGIN_API_VERSION,
    create: () => new MemoryStorage(),
  };
}
