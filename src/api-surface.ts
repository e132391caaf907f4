// Everything that can be imported from the package, in one place for the API report (docs/api.md). Not exported and
// not packed.
export * from './index.js';
export * as browser from './browser/index.js';
export * as express from './server/express.js';
export * as http2 from './server/http2.js';
export * as http2Client from './http2-client/index.js';
export * as metrics from './metrics/index.js';
export * as opentelemetry from './opentelemetry/index.js';
export * as rules from './rules/index.js';
export * as testing from './testing/index.js';
export * as chainBitcoin from '../plugins/chain-bitcoin/index.js';
export * as chainCometbft from '../plugins/chain-cometbft/index.js';
export * as chainEthereum from '../plugins/chain-ethereum/index.js';
export * as chainFabric from '../plugins/chain-fabric/index.js';
export * as chainLinked from '../plugins/chain-linked/index.js';
export * as chainSealedJson from '../plugins/chain-sealed-json/index.js';
export * as codecBzip2 from '../plugins/codec-bzip2/index.js';
export * as codecGzip from '../plugins/codec-gzip/index.js';
export * as codecIdentity from '../plugins/codec-identity/index.js';
export * as codecZstd from '../plugins/codec-zstd/index.js';
export * as signerSecp256k1 from '../plugins/signer-secp256k1/index.js';
export * as storageLeveldb from '../plugins/storage-leveldb/index.js';
export * as storageMemory from '../plugins/storage-memory/index.js';
export * as storagePostgres from '../plugins/storage-postgres/index.js';
export * as transportJsonRange from '../plugins/transport-json-range/index.js';
export * as transportSnapshot from '../plugins/transport-snapshot/index.js';
export * as transportSse from '../plugins/transport-sse/index.js';
export * as transportTile from '../plugins/transport-tile/index.js';
