import { availableParallelism } from 'node:os';
import type { HttpFetch, Logger, TransportLimits } from '../contracts/index.js';
import { DEFAULT_RETRY, type RetryOptions } from '../engine/backoff.js';
import { DEFAULT_ENGINE_LIMITS, type EngineLimits, type EngineSettings } from '../engine/engine-parts.js';
import { WANTED_MODES } from '../engine/modes.js';
import {
  accepting,
  atMostAll,
  boolean,
  checkDistinct,
  duration,
  func,
  height,
  integer,
  list,
  logger,
  nullable,
  number,
  object,
  oneOf,
  optional,
  type Reader,
  readOptions,
  refusal,
  text,
  type ValuesOf,
  unread,
  withDefault,
} from '../internal/options/index.js';
import { WANTED_SNAPSHOT_TYPE } from '../internal/snapshot-types.js';
import { CHAIN_LIMITS, type ChainPlan, STORE, storePlan } from './chain-plan.js';
import { type ConnectionSettings, PLAIN } from '../http1-client/options.js';
import { CONNECTION_OPTIONS, connectionPlan } from './connection.js';
import { peer } from './peers.js';
import { checkKeys, keysOf, trust } from './trust.js';
import type { SnapshotConfig, SyncEngineConfig } from './types.js';

/** All that an engine is made of, complete, checked and frozen. Nothing reads the configuration after it was made. */
export interface EnginePlan extends ChainPlan {
  readonly settings: EngineSettings;
  readonly transportLimits: TransportLimits;
  /** The host's HTTP client; `null` for the engine's own. */
  readonly fetch: HttpFetch | null;
  /** How the engine's own client makes its connections. */
  readonly connection: ConnectionSettings;
  readonly partsDirectory: PartsDirectory;
  /** Where lines of a log go; `null` for nowhere. */
  readonly logger: Logger | null;
}

/** Where the parts of a snapshot are kept: in the store's directory, or in one of their own; `null` keeps none. */
export type PartsDirectory =
  { readonly inStore: true } | { readonly inStore: false; readonly path: string | null };

/** Defaults of {@link TransportLimits} (protocol section 4). */
const DEFAULT_TIMEOUTS: Omit<TransportLimits, 'maxEventBytes' | 'maxBlockBytes'> = {
  connectTimeoutMs: 10_000,
  firstByteTimeoutMs: 10_000,
  idleTimeoutMs: 45_000,
  muteTimeoutMs: 5_000,
  progressTimeoutMs: 60_000,
};

/** What an event has beside a block: its other lines, or, where it is none, all of it. */
const EVENT_EXTRA_BYTES = 64 * 1024;

/** The largest event is one that a block can need: base64 makes it a third larger, and codecs make some bytes of what they can't shrink. */
function transportLimits(timeouts: typeof DEFAULT_TIMEOUTS, maxBlockBytes: number): TransportLimits {
  const { connectTimeoutMs, firstByteTimeoutMs, idleTimeoutMs, muteTimeoutMs, progressTimeoutMs } = timeouts;
  const maxEventBytes = Math.ceil(maxBlockBytes * 1.5) + EVENT_EXTRA_BYTES;
  return Object.freeze({
    connectTimeoutMs,
    firstByteTimeoutMs,
    idleTimeoutMs,
    muteTimeoutMs,
    progressTimeoutMs,
    maxEventBytes,
    maxBlockBytes,
  });
}

/** Bounds of a transport where nothing is configured. */
export const DEFAULT_TRANSPORT_LIMITS: TransportLimits = transportLimits(
  DEFAULT_TIMEOUTS,
  DEFAULT_ENGINE_LIMITS.maxBlockBytes,
);

const TRANSPORT_LIMITS = {
  connectTimeoutMs: withDefault(duration(), DEFAULT_TIMEOUTS.connectTimeoutMs),
  firstByteTimeoutMs: withDefault(duration(), DEFAULT_TIMEOUTS.firstByteTimeoutMs),
  idleTimeoutMs: withDefault(duration(), DEFAULT_TIMEOUTS.idleTimeoutMs),
  muteTimeoutMs: withDefault(duration(), DEFAULT_TIMEOUTS.muteTimeoutMs),
  progressTimeoutMs: withDefault(duration(), DEFAULT_TIMEOUTS.progressTimeoutMs),
} satisfies Record<keyof typeof DEFAULT_TIMEOUTS, Reader<number>>;

const ENGINE_LIMITS = {
  ...CHAIN_LIMITS,
  maxBatchBlocks: withDefault(integer({ min: 1 }), DEFAULT_ENGINE_LIMITS.maxBatchBlocks),
  maxPendingBytes: withDefault(integer({ min: 1 }), DEFAULT_ENGINE_LIMITS.maxPendingBytes),
  maxBranchBytes: withDefault(integer({ min: 1 }), DEFAULT_ENGINE_LIMITS.maxBranchBytes),
  minBytesPerSecond: withDefault(number(), DEFAULT_ENGINE_LIMITS.minBytesPerSecond),
  streamRetryMs: withDefault(duration(), DEFAULT_ENGINE_LIMITS.streamRetryMs),
} satisfies Record<keyof EngineLimits, Reader<number>>;

const RETRY = {
  // How often depends on whether the engine follows, unless the host says so.
  maxAttempts: withDefault<number | null>(attempts(), null),
  // No timer waits for it.
  giveUpAfterMs: withDefault<number | null | undefined>(
    nullable(duration({ max: Number.MAX_SAFE_INTEGER })),
    undefined,
  ),
  baseDelayMs: withDefault(duration(), DEFAULT_RETRY.baseDelayMs),
  maxDelayMs: withDefault(duration(), DEFAULT_RETRY.maxDelayMs),
  quickForMs: withDefault(duration({ min: 0 }), DEFAULT_RETRY.quickForMs),
} satisfies Record<keyof RetryOptions, Reader<number | null | undefined>>;

const SNAPSHOT = {
  type: WANTED_SNAPSHOT_TYPE,
  directory: partsDirectory(),
  minBlocks: withDefault(integer(), 1_000),
} satisfies Record<keyof SnapshotConfig, Reader<unknown>>;

const MAX_THREADS = 64;
const MAX_DEFAULT_THREADS = 4;

/** Readers of the options of `createSyncEngine`. */
export const ENGINE_OPTIONS = {
  ...STORE,
  peers: list(peer, { min: 1 }),
  mode: withDefault(oneOf(WANTED_MODES), 'auto'),
  trust: optional(trust),
  snapshot: object(SNAPSHOT),
  to: optional(height()),
  follow: withDefault(boolean(), false),
  agree: withDefault(unread('an integer from 1 to the number of peers'), 1),
  // No timer waits for it.
  staleAfterMs: optional(duration({ max: Number.MAX_SAFE_INTEGER })),
  headCheckMs: withDefault(duration(), 15_000),
  confirmTimeoutMs: withDefault(duration(), 10_000),
  // What is final already depends on `finality`, so its depth is the default.
  maxRollbackBlocks: withDefault<number | null>(integer(), null),
  acceptRollback: optional(object({ height: height(), hash: text() }, 'an object {height, hash}')),
  // A core is left to the host.
  threads: withDefault(
    integer({ max: MAX_THREADS }),
    Math.min(MAX_DEFAULT_THREADS, availableParallelism() - 1),
  ),
  ...CONNECTION_OPTIONS,
  fetch: optional(func<HttpFetch>()),
  logger: logger(),
  retry: object(RETRY),
  limits: object({ ...ENGINE_LIMITS, ...TRANSPORT_LIMITS }),
} satisfies Record<keyof SyncEngineConfig, Reader<unknown>>;

type Options = ValuesOf<typeof ENGINE_OPTIONS>;

const OWNER = 'createSyncEngine';
const at = (path: string): { owner: string; path: string } => ({ owner: OWNER, path });

/**
 * Turns a configuration of `createSyncEngine` into a plan.
 *
 * @throws TypeError @throws SyncError `PLUGIN_*`, `CODEC_UNAVAILABLE`
 */
export function enginePlan(config: SyncEngineConfig): EnginePlan {
  const options = readOptions(OWNER, config, ENGINE_OPTIONS);
  checkTogether(options);
  const store = storePlan(options, OWNER);
  if (options.trust !== null) checkKeys(options.trust, keysOf(store.plugins), at('trust'));
  return Object.freeze({
    ...store,
    settings: settingsOf(options, store.settings),
    transportLimits: transportLimits(options.limits, options.limits.maxBlockBytes),
    fetch: options.fetch,
    connection: options.fetch === null ? connectionPlan(options, process.env, OWNER) : PLAIN,
    partsDirectory: options.snapshot.directory,
    logger: options.logger,
  });
}

function settingsOf(options: Options, store: Omit<ChainPlan['settings'], 'limits'>): EngineSettings {
  const { peers, mode, trust, to, follow, agree, staleAfterMs, headCheckMs, limits, snapshot } = options;
  const { maxRollbackBlocks, acceptRollback, confirmTimeoutMs, threads } = options;
  return Object.freeze({
    ...store,
    peers,
    mode,
    trust,
    snapshotType: snapshot.type,
    minSnapshotBlocks: snapshot.minBlocks,
    to,
    follow,
    ...agreement(agree, peers.length),
    maxRollbackBlocks: maxRollbackBlocks ?? store.maxRollbackBlocks,
    acceptRollback,
    staleAfterMs,
    headCheckMs,
    confirmTimeoutMs,
    threads,
    retry: retryOf(options),
    limits,
  });
}

/** With more than one peer that has to agree, what was verified is not confirmed by that alone. */
function agreement(
  agree: unknown,
  peers: number,
): Pick<EngineSettings, 'agree' | 'confirmsVerified' | 'confirmsStored'> {
  const count = atMostAll(peers, 'peers').read(agree, at('agree'));
  return { agree: count, confirmsVerified: count <= 1, confirmsStored: count <= 1 };
}

/** Who says how often is not overruled by a time that was never named; one that follows goes on for good. */
function retryOf({ retry, follow }: Options): RetryOptions {
  const byTime = !follow && retry.maxAttempts === null;
  const { giveUpAfterMs = byTime ? DEFAULT_RETRY.giveUpAfterMs : null } = retry;
  const maxAttempts = retry.maxAttempts ?? (follow ? Infinity : DEFAULT_RETRY.maxAttempts);
  return Object.freeze({ ...retry, maxAttempts, giveUpAfterMs });
}

/** What is right by itself may be wrong together. */
function checkTogether({ peers, mode, trust, to, base, ...client }: Options): void {
  checkClient(client);
  checkDistinct(
    peers.map(({ url }) => url),
    at('peers'),
  );
  if (mode === 'snapshot' && trust === null)
    throw refusal(at('trust'), 'is missing: the mode `snapshot` needs it, for whose snapshots are taken.');
  if (to !== null && to < base)
    throw refusal(at('to'), `must not be below \`base\`, which is ${base}; it is ${to}.`);
}

/** A host's client makes its own connections: what is said of ours would be left out without a word. */
function checkClient({ fetch, tls, proxy }: Pick<Options, 'fetch' | 'tls' | 'proxy'>): void {
  if (fetch === null) return;
  const unused = tls !== null ? 'tls' : typeof proxy === 'string' ? 'proxy' : null;
  if (unused !== null)
    throw refusal(at(unused), 'does not go with `fetch`, which makes its own connections.');
}

function attempts(): Reader<number> {
  return accepting(
    'an integer from 1 to 2^53−1, or Infinity',
    (value): value is number => value === Infinity || (Number.isSafeInteger(value) && Number(value) >= 1),
  );
}

function partsDirectory(): Reader<PartsDirectory> {
  const path = nullable(text('the path of a directory'));
  const chosen: Reader<PartsDirectory> = {
    expects: path.expects,
    read: (value, where) => Object.freeze({ inStore: false, path: path.read(value, where) }),
  };
  return withDefault(chosen, { inStore: true });
}
