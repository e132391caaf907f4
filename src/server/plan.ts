import type {
  BlockSource,
  CachePolicy,
  CodecPlugin,
  EndpointPlugin,
  Logger,
  ServerLimits,
} from '../contracts/index.js';
import { SNAPSHOT_OPTIONS, type SnapshotServerOptions } from '../di/server-parts.js';
import {
  accepting,
  checkDistinctPlugins,
  duration,
  func,
  integer,
  list,
  logger,
  object,
  objectWith,
  oneOf,
  optional,
  pluginOf,
  type Reader,
  readOptions,
  refusal,
  type SpecOf,
  type ValuesOf,
  withDefault,
} from '../internal/options/index.js';
import { DEFAULT_SERVER_LIMITS as DEFAULTS } from './limits.js';
import type { AuditEntry, Authorize } from './access/types.js';
import type { MetricsPage } from './metrics-page.js';
import { readiness, type ReadinessConfig } from './probes/options.js';
import { blockSource } from './source-option.js';

/** What a server is made of. */
export interface SyncServerConfig {
  /** The chain to serve: a `Chain`, or anything that reads blocks by height and tells when it changes. */
  readonly source: BlockSource;
  /**
   * Further codecs and endpoints; those that are passed win over built-in ones of the same name.
   *
   * @defaultValue `[]`
   */
  readonly plugins?: readonly (CodecPlugin | EndpointPlugin)[];
  /**
   * Makes and serves snapshots, which new nodes begin with: whose key signs them, and where they are kept. `null` serves
   * none.
   *
   * @defaultValue `null`
   */
  readonly snapshots?: SnapshotServerOptions | null;
  /**
   * Who may keep answers that do not change (ranges of final blocks, tiles, snapshots and manifests by id): `private` only
   * the client, `public` also shared caches, which then give them to whoever asks, and `no-store` nobody.
   *
   * @defaultValue `'private'`
   */
  readonly cache?: CachePolicy;
  /**
   * When a node answers `/ready` with 200: the engine that brings its blocks, and how far that, or the reader of a store
   * that another process writes, may be behind. `null` for the defaults: a node that follows nobody is ready while its chain
   * can be read.
   *
   * @defaultValue `null`
   */
  readonly readiness?: ReadinessConfig | null;
  /**
   * Metrics, as `createMetrics` of `blockferry/metrics` makes; they are then served at `/metrics` below the mount point,
   * and have the figures of this server among them. `null` serves none.
   *
   * @defaultValue `null`
   */
  readonly metrics?: MetricsPage | null;
  /**
   * Where a line goes for each stream, refusal and failure, as to `pino()`; `null` for nowhere. No line has anything of a
   * block in it.
   *
   * @defaultValue `null`
   */
  readonly logger?: Logger | null;
  /**
   * Says who asks, before any byte is sent; `null` lets everybody read who can reach the server. It has 10 seconds. The
   * probes `/health` and `/ready` are answered to everybody.
   *
   * @defaultValue `null`
   */
  readonly authorize?: Authorize | null;
  /**
   * `WWW-Authenticate` of the 401 that goes to whom `authorize` does not know.
   *
   * @defaultValue `'Bearer'`
   */
  readonly challenge?: string;
  /**
   * Called when an answer that has blocks is over, with who was given which heights. Must not throw. `null` for nobody.
   *
   * @defaultValue `null`
   */
  readonly audit?: ((entry: AuditEntry) => void) | null;
  /** Bounds; each has a default. */
  readonly limits?: Partial<ServerLimits>;
  /**
   * Called with failures that clients are told nothing about. Must not throw.
   *
   * @defaultValue nothing
   */
  readonly onError?: (error: unknown) => void;
}

const count = integer({ min: 1 });
const byteCount = integer({ what: 'a number of bytes', min: 1 });

/** Readers of a server's bounds. */
export const SERVER_LIMITS = {
  heartbeatMs: withDefault(duration(), DEFAULTS.heartbeatMs),
  writeStallMs: withDefault(duration(), DEFAULTS.writeStallMs),
  maxBlockBytes: withDefault(byteCount, DEFAULTS.maxBlockBytes),
  maxRange: withDefault(count, DEFAULTS.maxRange),
  maxStreams: withDefault(count, DEFAULTS.maxStreams),
  maxStreamsPerAddress: withDefault(count, DEFAULTS.maxStreamsPerAddress),
  maxAnswersPerClient: withDefault(count, DEFAULTS.maxAnswersPerClient),
  maxStreamMs: withDefault(duration(), DEFAULTS.maxStreamMs),
  streamLeaseMs: withDefault(duration(), DEFAULTS.streamLeaseMs),
  maxWaitMs: withDefault(duration(), DEFAULTS.maxWaitMs),
} satisfies SpecOf<ServerLimits>;

const CACHE_POLICIES: readonly CachePolicy[] = Object.freeze(['private', 'public', 'no-store']);

const SERVICE_OPTIONS = {
  plugins: withDefault(list(pluginOf('codec', 'endpoint')), Object.freeze([])),
  snapshots: optional(object(SNAPSHOT_OPTIONS)),
  cache: withDefault(oneOf(CACHE_POLICIES), 'private'),
  readiness,
  metrics: optional(objectWith<MetricsPage>('metrics, as `createMetrics` makes', ['text', 'watchServer'])),
  logger: logger(),
  authorize: optional(func<Authorize>()),
  challenge: challenge(),
  audit: optional(func<(entry: AuditEntry) => void>()),
  limits: object(SERVER_LIMITS),
  onError: withDefault(func<(error: unknown) => void>(), () => undefined),
} satisfies SpecOf<Omit<SyncServerConfig, 'source'>>;

/** Readers of a server's options. */
export const SERVER_OPTIONS = {
  source: blockSource(),
  ...SERVICE_OPTIONS,
} satisfies SpecOf<SyncServerConfig>;

/** All that a server is made of, complete, checked and frozen. Nothing reads the configuration after it was made. */
export type ServerPlan = ValuesOf<typeof SERVER_OPTIONS>;

/** The same as far as it doesn't depend on the chain that is served. */
export type ServicePlan = Omit<ServerPlan, 'source'>;

/** The plan of a server whose chain is not open yet. @throws as {@link serverPlan} */
export function servicePlan(owner: string, config: Omit<SyncServerConfig, 'source'>): ServicePlan {
  const plan = readOptions(owner, config, SERVICE_OPTIONS);
  checkTogether(plan, owner);
  return plan;
}

/**
 * Turns a configuration into a plan.
 *
 * @param spec - readers of a server's options, and of those that an adapter has beside them.
 * @throws TypeError @throws SyncError `PLUGIN_INCOMPATIBLE`
 */
export function serverPlan<S extends typeof SERVER_OPTIONS>(
  owner: string,
  config: SyncServerConfig,
  spec: S,
): ValuesOf<S> {
  const plan = readOptions(owner, config, spec);
  checkTogether(plan, owner);
  return plan;
}

function checkTogether({ plugins, authorize, cache }: ServicePlan, owner: string): void {
  checkDistinctPlugins(plugins, { owner });
  if (authorize !== null && cache === 'public')
    throw refusal(
      { owner, path: 'cache' },
      "can't be `public` with `authorize`: a shared cache gives what it has to whoever asks.",
    );
}

/** Reads a `WWW-Authenticate`. */
export function challenge(): Reader<string> {
  const text = accepting(
    'a text that an HTTP header can carry',
    (value): value is string => typeof value === 'string' && /^[\x21-\x7e][\t\x20-\x7e]*$/.test(value),
  );
  return withDefault(text, 'Bearer');
}
