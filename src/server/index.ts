export { createSyncServer, type SyncServerConfig } from './create-server.js';
export { nodeListener, type NodeListenerOptions } from './node.js';
export { statusDocument } from './status.js';
export { SyncServer, type ServerRequest, type SyncServerOptions } from './sync-server.js';
