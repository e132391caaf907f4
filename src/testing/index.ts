export type { ComplianceCase } from './compliance/case.js';
export { chainRulesCompliance, type ChainRulesFixture } from './compliance/chain-rules.js';
export { codecCompliance, type CodecFixture } from './compliance/codec.js';
export { storageCompliance, type StorageFixture } from './compliance/storage.js';
