export type { ComplianceCase, ComplianceOptions } from './compliance/case.js';
export { chainRulesCompliance } from './compliance/chain-rules.js';
export type { ChainRulesFixture } from './compliance/chain-rules-fixture.js';
export { codecCompliance, type CodecFixture } from './compliance/codec.js';
export {
  storageCompliance,
  type CuttableStorage,
  type SharedStores,
  type StorageFixture,
} from './compliance/storage.js';
export { playCassette } from './cassette/play.js';
export { recordCassette, type CassetteRecorder } from './cassette/record.js';
export type { FaultOptions, Holding, PeerAnswer, PeerFault } from './peer/fault.js';
export { faultInjector, type FaultInjector } from './peer/injector.js';
export { mockPeer, type MockPeer, type MockPeerOptions } from './peer/mock-peer.js';
