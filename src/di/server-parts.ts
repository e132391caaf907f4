import { jsonRangeEndpoint } from '../../plugins/transport-json-range/server/index.js';
import { snapshotEndpointOf } from '../../plugins/transport-snapshot/server/endpoint.js';
import {
  SNAPSHOT_OPTIONS,
  type SnapshotServerOptions,
  type SnapshotSettings,
} from '../../plugins/transport-snapshot/server/options.js';
import { sseEndpoint } from '../../plugins/transport-sse/server/index.js';
import { tileEndpoint } from '../../plugins/transport-tile/server/index.js';
import type {
  BlockSource,
  CachePolicy,
  CodecPlugin,
  CodecRegistry,
  CodecWorkers,
  Endpoint,
  EndpointPlugin,
  Plugin,
  ServerLimits,
} from '../contracts/index.js';
import { CODEC_NAMES } from '../internal/codecs.js';
import { createCodecWorkers } from '../workers/index.js';
import { isAvailable } from './available.js';
import { codecRegistry } from './codec-registry.js';
import * as builtin from './codecs.js';

export { SNAPSHOT_OPTIONS, type SnapshotServerOptions, type SnapshotSettings };

/** What the parts of a server are made from. */
export interface ServerPartsOptions {
  readonly source: BlockSource;
  /** Further codecs and endpoints, none twice; those that are passed win over built-in ones of the same name. */
  readonly plugins: readonly Plugin[];
  readonly limits: ServerLimits;
  readonly cache: CachePolicy;
  /** `null` serves no snapshots. */
  readonly snapshots: SnapshotSettings | null;
}

/** The plugins of one server, resolved. */
export interface ServerParts {
  readonly codecs: CodecRegistry;
  readonly endpoints: readonly Endpoint[];
  readonly workers: CodecWorkers;
}

/** Resolves the plugins of a server. @throws SyncError `CODEC_UNAVAILABLE` */
export function resolveServerParts(options: ServerPartsOptions): ServerParts {
  const codecPlugins = merge<CodecPlugin>('codec', options.plugins, builtinCodecs());
  const codecs = codecRegistry(codecPlugins);
  const workers = createCodecWorkers(codecPlugins);
  const plugins = merge<EndpointPlugin>('endpoint', options.plugins, builtinEndpoints(options));
  const { source, limits, cache } = options;
  const deps = { source, codecs, limits, cache, workers };
  return { codecs, workers, endpoints: plugins.map((plugin) => plugin.create(deps)) };
}

function builtinCodecs(): readonly CodecPlugin[] {
  return CODEC_NAMES.map((name) => builtin[name]()).filter(isAvailable);
}

function builtinEndpoints({ source, snapshots }: ServerPartsOptions): readonly EndpointPlugin[] {
  const { tiles = null } = source;
  return [
    sseEndpoint(),
    jsonRangeEndpoint(),
    ...(tiles === null ? [] : [tileEndpoint()]),
    ...(snapshots === null ? [] : [snapshotEndpointOf(snapshots)]),
  ];
}

function merge<T extends Plugin>(
  kind: T['kind'],
  passed: readonly Plugin[],
  builtin: readonly T[],
): readonly T[] {
  const own = passed.filter((plugin): plugin is T => plugin.kind === kind);
  const names = new Set(own.map(({ name }) => name));
  return [...own, ...builtin.filter(({ name }) => !names.has(name))];
}
