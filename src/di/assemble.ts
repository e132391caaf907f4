import type { CodecPlugin } from '../contracts/index.js';
import type { ChainConfig, SyncEngineConfig } from '../config.js';
import { DEFAULT_CODECS, passedPlugins, transportLimits } from '../config.js';
import type { EngineParts } from '../engine/engine-parts.js';
import { codecRegistry } from './codec-registry.js';
import { PluginResolver } from './resolve.js';
import { Scope } from './scope.js';
import { TOKENS } from './tokens.js';

/** Resolves the plugins of a configuration and wires them in a scope of their own. @throws SyncError `PLUGIN_*` */
export async function assembleEngine(config: SyncEngineConfig): Promise<EngineParts> {
  const resolver = new PluginResolver(passedPlugins(config));
  const transports = await resolver.transports();
  const scope = await storeScope(config, resolver);
  const deps = {
    fetch: config.fetch ?? globalThis.fetch.bind(globalThis),
    limits: transportLimits(config.limits ?? {}),
  };
  scope.provide(TOKENS.transports, () => transports.map((plugin) => plugin.create(deps)));
  return { ...storeParts(config, scope, resolver), transports: scope.get(TOKENS.transports) };
}

/** The same without transports, for a chain that nothing is synced into. @throws SyncError `PLUGIN_*` */
export async function assembleChain(config: ChainConfig): Promise<EngineParts> {
  const resolver = new PluginResolver(passedPlugins(config));
  const scope = await storeScope(config, resolver);
  return { ...storeParts(config, scope, resolver), transports: [] };
}

async function storeScope(config: ChainConfig, resolver: PluginResolver): Promise<Scope> {
  const storage = await resolver.storage(config.storage);
  const codecs = await resolveCodecs(config, resolver);
  const scope = new Scope();
  scope.provide(TOKENS.codecs, () => codecRegistry(codecs));
  scope.provide(
    TOKENS.storage,
    () => storage.create(),
    (opened) => opened.close(),
  );
  return scope;
}

/** The codecs to take, and behind them those that a store may hold frames in from an earlier configuration. */
async function resolveCodecs(config: ChainConfig, resolver: PluginResolver): Promise<readonly CodecPlugin[]> {
  const asked = config.codecs ?? DEFAULT_CODECS;
  const names = asked.map((codec) => (typeof codec === 'string' ? codec : codec.name));
  const all = new Set([...names, storeCodecOf(config), ...DEFAULT_CODECS]);
  return Promise.all([...all].map((name) => resolver.codec(name)));
}

function storeCodecOf(config: ChainConfig): string {
  return config.storeCodec ?? 'gzip';
}

function storeParts(
  config: ChainConfig,
  scope: Scope,
  resolver: PluginResolver,
): Omit<EngineParts, 'transports'> {
  const asked = config.codecs ?? DEFAULT_CODECS;
  return {
    storage: scope.get(TOKENS.storage),
    codecs: scope.get(TOKENS.codecs),
    acceptCodecs: asked.map((codec) => (typeof codec === 'string' ? codec : codec.name)),
    storeCodec: storeCodecOf(config),
    rules: (id) => resolver.rules(id),
    close: () => scope.close(),
  };
}
