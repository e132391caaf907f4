import { Option } from 'commander';
import type { SyncEngineConfig } from '../config/types.js';
import type { SnapshotType } from '../contracts/index.js';
import type { SyncMode } from '../engine/modes.js';
import { UsageError } from './exit.js';
import { finalityOf, OPTION, peers, positive, storeConfig, type StoreOptions } from './options.js';
import { stateConfig } from './state-module.js';
import { requiredTrust, TRUST_OPTION, type TrustArguments, trustOf } from './trust.js';

/** What a command was told of whom to sync from and how. */
export interface PeerArguments extends StoreOptions, TrustArguments {
  readonly peer: readonly string[];
  readonly mode: 'auto' | SyncMode;
  readonly snapshotType: SnapshotType;
  readonly codec?: string;
  readonly finalityDepth?: number;
  readonly agree: number;
  readonly staleAfter?: number;
  readonly state?: string;
}

/** The option `--peer`. */
export function peerOption(description: string): Option {
  return new Option('--peer <url>', description).argParser(peers);
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
    new Option('--codec <codec>', 'encoding of the blocks (default: the best both have)').choices([
      'gzip',
      'identity',
    ]),
    OPTION.finalityDepth(),
    new Option('--agree <n>', 'peers that have to be on one chain before it is believed')
      .argParser(positive)
      .default(1),
    new Option(
      '--stale-after <seconds>',
      'age of the newest block above which the node is not up to date',
    ).argParser(positive),
    OPTION.state(),
  ];
}

/**
 * The configuration of an engine that syncs into a store on disk.
 *
 * @throws UsageError for what can't be meant
 * @throws SyncError `INPUT_UNREADABLE` when the module of `--state` can't be loaded
 */
export async function engineConfig(options: PeerArguments): Promise<SyncEngineConfig> {
  const { codec, mode, peer, snapshotType, agree, staleAfter } = options;
  if (agree > peer.length) throw new UsageError(`--agree ${agree} needs as many --peer, not ${peer.length}.`);
  return {
    ...storeConfig(options, true),
    ...(await stateConfig(options.state)),
    peers: peer,
    mode,
    trust: mode === 'snapshot' ? await requiredTrust(options) : await trustOf(options),
    snapshot: { type: snapshotType },
    finality: finalityOf(options),
    agree,
    staleAfterMs: staleAfter === undefined ? null : staleAfter * 1000,
    ...(codec === undefined ? {} : { codecs: [codec] }),
  };
}
