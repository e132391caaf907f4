export { createSyncServer, type SyncServerConfig } from './create-server.js';
export { nodeListener } from './node.js';
export type { SyncServer } from './sync-server.js';
