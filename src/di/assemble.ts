import type { CodecPlugin, Storage, TransportDeps } from '../contracts/index.js';
import type { ChainConfig, SyncEngineConfig } from '../config.js';
import { DEFAULT_CODECS, passedPlugins, transportLimits } from '../config.js';
import type { EngineParts } from '../engine/engine-parts.js';
import { createHttp1Client } from '../http1-client/index.js';
import { isAvailable } from './available.js';
import { codecRegistry } from './codec-registry.js';
import { PluginResolver } from './resolve.js';
import { Scope } from './scope.js';
import { TOKENS } from './tokens.js';

/** Resolves the plugins of a configuration and wires them in a scope of their own. @throws SyncError `PLUGIN_*` */
export async function assembleEngine(config: SyncEngineConfig): Promise<EngineParts> {
  const resolver = new PluginResolver(passedPlugins(config));
  const transports = await resolver.transports();
  const takesSnapshots = mayTakeSnapshots(config);
  const { scope, codecs } = await storeScope(config, resolver, takesSnapshots ? SNAPSHOT_CODECS : []);
  const limits = transportLimits(config.limits ?? {});
  scope.provide(
    TOKENS.http,
    () => createHttp1Client(limits),
    (client) => client.close(),
  );
  const deps = { fetch: config.fetch ?? scope.get(TOKENS.http).fetch, limits };
  scope.provide(TOKENS.transports, () => transports.map((plugin) => plugin.create(deps)));
  if (takesSnapshots) await provideSnapshots(scope, resolver, codecs, deps);
  const parts = { ...storeParts(config, scope, resolver), transports: scope.get(TOKENS.transports) };
  if (!takesSnapshots) return { ...parts, snapshots: null };
  const directory = snapshotDirectoryOf(config, parts.storage);
  const snapshots = {
    transport: scope.get(TOKENS.snapshots),
    workers: scope.get(TOKENS.workers),
    codecs: SNAPSHOT_CODECS.filter((id) => codecs.some(({ name }) => name === id)),
    directory,
  };
  return { ...parts, snapshots };
}

/** The same without transports, for a chain that nothing is synced into. @throws SyncError `PLUGIN_*` */
export async function assembleChain(config: ChainConfig): Promise<EngineParts> {
  const resolver = new PluginResolver(passedPlugins(config));
  const { scope } = await storeScope(config, resolver, []);
  return { ...storeParts(config, scope, resolver), transports: [], snapshots: null };
}

/** Codecs that snapshots are taken in, best first. */
const SNAPSHOT_CODECS: readonly string[] = ['bzip2', 'zstd', 'gzip', 'identity'];

function mayTakeSnapshots({ mode = 'auto', trust = null }: SyncEngineConfig): boolean {
  return trust !== null && (mode === 'auto' || mode === 'snapshot');
}

async function provideSnapshots(
  scope: Scope,
  resolver: PluginResolver,
  codecs: readonly CodecPlugin[],
  deps: TransportDeps,
): Promise<void> {
  const transport = await resolver.snapshotTransport();
  const { createCodecWorkers } = await import('../workers/index.js');
  scope.provide(
    TOKENS.workers,
    () => createCodecWorkers(codecs),
    (workers) => workers.close(),
  );
  scope.provide(TOKENS.snapshots, () => transport.create({ ...deps, workers: scope.get(TOKENS.workers) }));
}

async function storeScope(
  config: ChainConfig,
  resolver: PluginResolver,
  more: readonly string[],
): Promise<{ readonly scope: Scope; readonly codecs: readonly CodecPlugin[] }> {
  const storage = await resolver.storage(config.storage);
  const codecs = await resolveCodecs(config, resolver, more);
  const scope = new Scope();
  scope.provide(TOKENS.codecs, () => codecRegistry(codecs));
  scope.provide(
    TOKENS.storage,
    () => storage.create(),
    (opened) => opened.close(),
  );
  return { scope, codecs };
}

/** The codecs to take, and behind them those that a store may hold frames in from an earlier configuration. */
async function resolveCodecs(
  config: ChainConfig,
  resolver: PluginResolver,
  more: readonly string[],
): Promise<readonly CodecPlugin[]> {
  const asked = config.codecs ?? DEFAULT_CODECS;
  const names = asked.map((codec) => (typeof codec === 'string' ? codec : codec.name));
  const needed = new Set([...names, storeCodecOf(config), ...DEFAULT_CODECS]);
  const plugins = await Promise.all([...needed].map((name) => resolver.codec(name)));
  const extra = await Promise.all(
    more.filter((name) => !needed.has(name)).map((name) => resolver.codec(name)),
  );
  return [...plugins, ...extra.filter(isAvailable)];
}

/** Unless the host names a codec, blocks of fewer bytes are stored as they are. */
const RAW_BELOW_BYTES = 2048;

function storeCodecOf(config: ChainConfig): string {
  return config.storeCodec ?? 'gzip';
}

function storeParts(
  config: ChainConfig,
  scope: Scope,
  resolver: PluginResolver,
): Omit<EngineParts, 'transports' | 'snapshots'> {
  const asked = config.codecs ?? DEFAULT_CODECS;
  return {
    storage: scope.get(TOKENS.storage),
    codecs: scope.get(TOKENS.codecs),
    acceptCodecs: asked.map((codec) => (typeof codec === 'string' ? codec : codec.name)),
    storeCodec: storeCodecOf(config),
    rawBelowBytes: config.storeCodec === undefined ? RAW_BELOW_BYTES : 0,
    signatures: () => resolver.signatures(),
    rules: (id) => resolver.rules(id),
    close: () => scope.close(),
  };
}

function snapshotDirectoryOf(
  { snapshot }: Pick<SyncEngineConfig, 'snapshot'>,
  storage: Storage,
): string | null {
  const { directory } = snapshot ?? {};
  if (directory !== undefined) return directory;
  return storage.directory === null ? null : `${storage.directory}/downloads`;
}
