import { availableParallelism } from 'node:os';
import type { HttpFetch, Logger, TransportLimits } from '../contracts/index.js';
import type { EngineSettings } from '../engine/engine-parts.js';
import { WANTED_MODES } from '../engine/modes.js';
import { type ConnectionSettings, PLAIN } from '../http1-client/options.js';
import {
  integer,
  nullable,
  object,
  oneOf,
  optional,
  type Reader,
  readOptions,
  refusal,
  text,
  type ValuesOf,
  withDefault,
} from '../internal/options/index.js';
import { WANTED_SNAPSHOT_TYPE } from '../internal/snapshot-types.js';
import { type ChainPlan, STORE, storePlan } from './chain-plan.js';
import { CONNECTION_OPTIONS, connectionPlan } from './connection.js';
import { transportLimits } from './limits.js';
import { RUN, runSettings } from './run-options.js';
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
  ...RUN,
  mode: withDefault(oneOf(WANTED_MODES), 'auto'),
  trust: optional(trust),
  snapshot: object(SNAPSHOT),
  // A core is left to the host.
  threads: withDefault(
    integer({ max: MAX_THREADS }),
    Math.min(MAX_DEFAULT_THREADS, availableParallelism() - 1),
  ),
  ...CONNECTION_OPTIONS,
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
  const { mode, trust, snapshot, threads } = options;
  return Object.freeze({
    ...runSettings(options, store),
    mode,
    trust,
    snapshotType: snapshot.type,
    minSnapshotBlocks: snapshot.minBlocks,
    threads,
  });
}

/** What is right by itself may be wrong together. */
function checkTogether({ mode, trust, ...client }: Options): void {
  checkClient(client);
  if (mode === 'snapshot' && trust === null)
    throw refusal(at('trust'), 'is missing: the mode `snapshot` needs it, for whose snapshots are taken.');
}

/** A host's client makes its own connections: what is said of ours would be left out without a word. */
function checkClient({ fetch, tls, proxy }: Pick<Options, 'fetch' | 'tls' | 'proxy'>): void {
  if (fetch === null) return;
  const unused = tls !== null ? 'tls' : typeof proxy === 'string' ? 'proxy' : null;
  if (unused !== null)
    throw refusal(at(unused), 'does not go with `fetch`, which makes its own connections.');
}

function partsDirectory(): Reader<PartsDirectory> {
  const path = nullable(text('the path of a directory'));
  const chosen: Reader<PartsDirectory> = {
    expects: path.expects,
    read: (value, where) => Object.freeze({ inStore: false, path: path.read(value, where) }),
  };
  return withDefault(chosen, { inStore: true });
}
