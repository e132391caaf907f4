import { Option } from 'commander';
import { type EnginePlan, enginePlan } from '../config/engine-plan.js';
import type { SyncEngineConfig } from '../config/types.js';
import type { BlockRef, SnapshotType } from '../contracts/index.js';
import type { SyncMode } from '../engine/modes.js';
import { STREAM_CODECS } from '../internal/codecs.js';
import {
  blockRef,
  finalityOf,
  OPTION,
  storeConfig,
  type StoreOptions,
  texts,
  wholeNumber,
} from './options.js';
import { planned } from './planned.js';
import { stateConfig } from './state-module.js';
import { TRUST_OPTION, type TrustArguments, trustConfig } from './trust.js';

/** What a command was told of whom to sync from and how. */
export interface PeerArguments extends StoreOptions, TrustArguments {
  readonly peer: readonly string[];
  readonly mode: 'auto' | SyncMode;
  readonly snapshotType: SnapshotType;
  readonly codec?: string;
  readonly finalityDepth?: number;
  readonly agree: number;
  readonly staleAfter?: number;
  readonly acceptRollback?: BlockRef;
  readonly state?: string;
}

/** The option `--peer`. */
export function peerOption(description: string): Option {
  return new Option('--peer <url>', description).argParser(texts);
}

/** Options that say how to sync, spelled and explained once. */
export function syncOptions(modes: readonly ('auto' | SyncMode)[]): readonly Option[] {
  return [
    new Option('--mode <mode>', 'how to fetch blocks').choices(modes).default('auto'),
    TRUST_OPTION.trust(),
    TRUST_OPTION.threshold(),
    TRUST_OPTION.hash(),
    new Option('--snapshot-type <type>', 'the newest blocks and the state, or all blocks')
      .choices(['recent', 'full'])
      .default('recent'),
    new Option('--codec <codec>', 'encoding of the blocks (default: the best both have)').choices(
      STREAM_CODECS,
    ),
    OPTION.finalityDepth(),
    new Option('--agree <n>', 'peers that have to have a block before it is relied on')
      .argParser(wholeNumber)
      .default(1),
    new Option(
      '--stale-after <seconds>',
      'age of the newest block above which the node is not up to date',
    ).argParser(wholeNumber),
    new Option('--accept-rollback <height:hash>', 'consent to one deep branch, by a block of it').argParser(
      blockRef,
    ),
    OPTION.state(),
  ];
}

/**
 * The plan of an engine that syncs into a store on disk.
 *
 * @param more - what the command itself says of how to sync.
 * @throws UsageError for what the plan refuses
 * @throws SyncError `INPUT_UNREADABLE` when the module of `--state` can't be loaded
 */
export async function syncPlan(
  options: PeerArguments,
  more: Pick<SyncEngineConfig, 'to' | 'follow' | 'retry'>,
): Promise<EnginePlan> {
  const { codec, mode, peer, snapshotType, agree, staleAfter } = options;
  const config: SyncEngineConfig = {
    ...storeConfig(options, true),
    ...(await stateConfig(options.state)),
    ...more,
    peers: peer,
    mode,
    trust: trustConfig(options),
    snapshot: { type: snapshotType },
    finality: finalityOf(options),
    agree,
    acceptRollback: options.acceptRollback ?? null,
    staleAfterMs: staleAfter === undefined ? null : staleAfter * 1000,
    ...(codec === undefined ? {} : { codecs: [codec] }),
  };
  return planned(() => enginePlan(config));
}
