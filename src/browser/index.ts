export { createSyncEngine } from './create-engine.js';
export { sealedJson } from '../../plugins/chain-sealed-json/plugin.js';
export { memoryStorage } from '../../plugins/storage-memory/index.js';
export type { BrowserEngineConfig, IndexedDbStorageConfig } from '../config/browser-types.js';
export type { SyncEngine } from '../engine/sync-engine.js';
export type * from '../engine/events/events.js';
export type { Block } from '../chain/block.js';
export type * from '../contracts/index.js';
export { isSyncError, SyncError, type ErrorCode } from '../errors/index.js';
