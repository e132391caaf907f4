export { createSyncEngine } from './create-engine.js';
export { openChain } from './open-chain.js';
export type {
  ChainConfig,
  LevelStorageConfig,
  MemoryStorageConfig,
  PostgresStorageConfig,
  PeerConfig,
  ProduceConfig,
  SnapshotConfig,
  StorageConfig,
  SyncEngineConfig,
  TlsConfig,
  TrustConfig,
} from './config/types.js';
export type { RetryOptions } from './engine/backoff.js';
export { Block } from './chain/block.js';
export type { Chain } from './chain/chain.js';
export type { BlockHandler, RollbackHandler, RunOptions } from './chain/consumer/consumer.js';
export type { Finality } from './chain/finality.js';
export type { Evidence, Equivocation } from './chain/evidence.js';
export type { ChainReads } from './chain/chain-reads.js';
export type { BlockRecord } from './chain/produce/records.js';
export type { Pruned, PruneOptions } from './chain/prune.js';
export type { ProducedBlock, ProducedOf, ProduceOptions } from './chain/produce/requests.js';
export type { ProducerSet } from './chain/producers.js';
export type { ChainLimits } from './chain/settings.js';
export type { PeerInfo } from './engine/peers/peer-record.js';
export type { EngineLimits } from './engine/engine-parts.js';
export type { WantedMode } from './engine/modes.js';
export type * from './engine/events/events.js';
export type { SyncEngine } from './engine/sync-engine.js';
export * from './contracts/index.js';
export * from './errors/index.js';
export {
  type CommitResult,
  NOTHING_STAGED,
  planActivation,
  planCommit,
  planAdvance,
  planPrune,
  planRollback,
  planStaged,
  type StagedBlocks,
} from './internal/commit-rules.js';
export { abortable } from './internal/iterate.js';
