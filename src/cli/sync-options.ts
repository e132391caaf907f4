import { Option } from 'commander';
import { ENGINE_OPTIONS, type EnginePlan, enginePlan } from '../config/engine-plan.js';
import type { SyncEngineConfig } from '../config/types.js';
import type { BlockRef, SnapshotTransportPlugin, SnapshotType } from '../contracts/index.js';
import type { WantedMode } from '../engine/modes.js';
import { STREAM_CODECS } from '../internal/codecs.js';
import { WANTED_SNAPSHOT_TYPE } from '../internal/snapshot-types.js';
import { type ConnectionArguments, connectionConfig, connectionOptions } from './connection-options.js';
import {
  blockRef,
  choiceOf,
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
export interface PeerArguments extends StoreOptions, TrustArguments, ConnectionArguments {
  readonly peer: readonly string[];
  readonly mode: WantedMode;
  readonly snapshotType: SnapshotType;
  readonly maxParts?: number;
  readonly codec?: string;
  readonly finalityDepth?: number;
  readonly agree: number;
  readonly staleAfter?: number;
  readonly acceptRollback?: BlockRef;
  readonly state?: string;
}

/** What `--max-parts` asks for, loaded only then. */
export async function snapshotPlugins(
  maxParts: number | undefined,
): Promise<readonly SnapshotTransportPlugin[]> {
  if (maxParts === undefined) return [];
  const { snapshotTransport } = await import('../../plugins/transport-snapshot/client/index.js');
  return [snapshotTransport({ maxParts })];
}

/** What the command is that has them. */
export interface SyncOptionsOf {
  /** The flag of the key to `--cert`. */
  readonly keyFlag: '--key' | '--tls-key';
}

/** The option `--peer`. */
export function peerOption(description: string): Option {
  return new Option('--peer <url>', description).argParser(texts);
}

/**
 * Options that say how to sync, spelled and explained once.
 */
export function syncOptions({ keyFlag }: SyncOptionsOf): readonly Option[] {
  const { mode } = ENGINE_OPTIONS;
  return [
    choiceOf(mode, '--mode <mode>', 'how to fetch blocks'),
    TRUST_OPTION.trust(),
    TRUST_OPTION.threshold(),
    TRUST_OPTION.hash(),
    choiceOf(
      WANTED_SNAPSHOT_TYPE,
      '--snapshot-type <type>',
      'the newest blocks and the state, or all blocks',
    ),
    OPTION.maxParts(),
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
    ...connectionOptions(keyFlag),
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
  more: Pick<SyncEngineConfig, 'to' | 'follow' | 'retry' | 'logger'>,
): Promise<EnginePlan> {
  const { codec, mode, peer, snapshotType, maxParts, agree, staleAfter } = options;
  const { headers, ...connection } = await connectionConfig(options);
  const config: SyncEngineConfig = {
    ...storeConfig(options, true),
    ...(await stateConfig(options.state)),
    ...more,
    peers: peer.map((url) => ({ url, headers })),
    ...connection,
    mode,
    trust: trustConfig(options),
    snapshot: { type: snapshotType },
    finality: finalityOf(options),
    agree,
    acceptRollback: options.acceptRollback ?? null,
    staleAfterMs: staleAfter === undefined ? null : staleAfter * 1000,
    ...(codec === undefined ? {} : { codecs: [codec] }),
    plugins: await snapshotPlugins(maxParts),
  };
  return planned(() => enginePlan(config));
}
