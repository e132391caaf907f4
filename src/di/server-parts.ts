import { gzip } from '../../plugins/codec-gzip/index.js';
import { identity } from '../../plugins/codec-identity/index.js';
import { sseEndpoint } from '../../plugins/transport-sse/index.js';
import type {
  BlockSource,
  CodecPlugin,
  CodecRegistry,
  Endpoint,
  EndpointPlugin,
  Plugin,
  ServerLimits,
} from '../contracts/index.js';
import { inThreadWorkers } from '../workers/in-thread.js';
import { codecRegistry } from './codec-registry.js';
import { checkPlugins } from './resolve.js';

/** What the parts of a server are made from. */
export interface ServerPartsOptions {
  readonly source: BlockSource;
  /** Further codecs and endpoints; those that are passed win over built-in ones of the same name. */
  readonly plugins: readonly Plugin[];
  readonly limits: ServerLimits;
}

/** The plugins of one server, resolved. */
export interface ServerParts {
  readonly codecs: CodecRegistry;
  readonly endpoints: readonly Endpoint[];
}

/** Resolves the plugins of a server. @throws SyncError `PLUGIN_INCOMPATIBLE` */
export function resolveServerParts(options: ServerPartsOptions): ServerParts {
  checkPlugins(options.plugins);
  const codecs = codecRegistry(merge<CodecPlugin>('codec', options.plugins, [gzip(), identity()]));
  const plugins = merge<EndpointPlugin>('endpoint', options.plugins, [sseEndpoint()]);
  const workers = inThreadWorkers(codecs);
  const deps = { source: options.source, codecs, limits: options.limits, workers };
  return { codecs, endpoints: plugins.map((plugin) => plugin.create(deps)) };
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
