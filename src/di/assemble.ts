import type { CodecPlugin, Storage, TransportDeps } from '../contracts/index.js';
import type { ChainConfig, SyncEngineConfig } from '../config.js';
import { passedPlugins, transportLimits } from '../config.js';
import { StorageEncoding } from '../chain/storage-encoding.js';
import type { EngineParts } from '../engine/engine-parts.js';
import { createHttp1Client } from '../http1-client/index.js';
import { type CodecName, DEFAULT_CODECS, SNAPSHOT_CODECS } from '../internal/codecs.js';
import { resolveCodecs, snapshotCodecsOf } from './available.js';
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
    codecs: snapshotCodecsOf(codecs),
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
  const codecs = await resolveCodecs(resolver, neededCodecs(config), more);
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
function neededCodecs(config: ChainConfig): readonly string[] {
  return [...acceptedCodecs(config), storeCodecOf(config), ...DEFAULT_CODECS];
}

function acceptedCodecs({ codecs = DEFAULT_CODECS }: ChainConfig): readonly string[] {
  return codecs.map((codec) => (typeof codec === 'string' ? codec : codec.name));
}

/** Unless the host names a codec, blocks are stored in this one, and those of fewer bytes raw. */
const DEFAULT_STORE_CODEC: CodecName = 'gzip';
const RAW_BELOW_BYTES = 2048;

function storeCodecOf(config: ChainConfig): string {
  return config.storeCodec ?? DEFAULT_STORE_CODEC;
}

function storeParts(
  config: ChainConfig,
  scope: Scope,
  resolver: PluginResolver,
): Omit<EngineParts, 'transports' | 'snapshots'> {
  const codecs = scope.get(TOKENS.codecs);
  const rawBelowBytes = config.storeCodec === undefined ? RAW_BELOW_BYTES : 0;
  return {
    storage: scope.get(TOKENS.storage),
    codecs,
    acceptCodecs: acceptedCodecs(config),
    encoding: new StorageEncoding(codecs.get(storeCodecOf(config)), rawBelowBytes),
    adoptableRules: resolver.adoptableRules(),
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
