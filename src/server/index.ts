export { createSyncServer } from './create-server.js';
export { nodeListener } from './node.js';
export type { CloseServerOptions } from './close-options.js';
export type { SyncServerConfig } from './plan.js';
export type { ReadinessConfig, WatchedEngine } from './probes/options.js';
export type { SyncRequest, SyncServer } from './sync-server.js';
