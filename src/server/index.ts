export { createSyncServer } from './create-server.js';
export { nodeListener } from './node.js';
export type { CloseServerOptions } from './close-options.js';
export type { SyncServerConfig } from './plan.js';
export type { AnswerEvent, ServerEvent } from './events.js';
export type { MetricsPage } from './metrics-page.js';
export type { ReadinessConfig, WatchedEngine } from './probes/options.js';
export type { SyncRequest } from './sync-request.js';
export type { SyncServer } from './sync-server.js';
