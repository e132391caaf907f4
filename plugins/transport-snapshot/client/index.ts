export { readDocument, type ReadDocumentOptions } from './document/read.js';
export type { DocumentHead } from './document/head.js';
