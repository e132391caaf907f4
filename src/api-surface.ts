// Everything that can be imported from the package, in one place for the API report (docs/api.md). Not exported and
// not packed.
export * from './index.js';
export * as express from './server/express.js';
export * as testing from './testing/index.js';
export * as chainEthereum from '../plugins/chain-ethereum/index.js';
export * as chainLinked from '../plugins/chain-linked/index.js';
export * as chainSealedJson from '../plugins/chain-sealed-json/index.js';
export * as codecGzip from '../plugins/codec-gzip/index.js';
export * as codecIdentity from '../plugins/codec-identity/index.js';
export * as storageLeveldb from '../plugins/storage-leveldb/index.js';
export * as storageMemory from '../plugins/storage-memory/index.js';
export * as transportSse from '../plugins/transport-sse/index.js';
