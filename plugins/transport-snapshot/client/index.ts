export type { DocumentHead } from './document/head.js';
export { readDocument, type ReadDocumentOptions } from './document/read.js';
export { snapshotTransport, type SnapshotTransportOptions } from './transport.js';
