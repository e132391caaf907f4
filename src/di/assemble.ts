import type { CodecPlugin, Storage, TransportDeps } from '../contracts/index.js';
import { EvidenceInMemory, type EvidenceShelf } from '../chain/evidence.js';
import { blockProducer } from '../chain/produce/block-producer.js';
import type { StoreParts } from '../chain/open-store.js';
import { StorageEncoding } from '../chain/storage-encoding.js';
import type { ChainPlan } from '../config/chain-plan.js';
import type { EnginePlan } from '../config/engine-plan.js';
import type { EngineParts } from '../engine/engine-parts.js';
import { defaultCodecs } from '../config/builtin.js';
import { SNAPSHOT_CODECS } from '../internal/codecs.js';
import { EvidenceFiles } from '../internal/node/evidence-files.js';
import { resolveCodecs, snapshotCodecsOf } from './available.js';
import { codecRegistry } from './codec-registry.js';
import { PluginResolver } from './resolve.js';
import { rulesParts } from './rules.js';
import type { Scope } from './scope.js';
import { TOKENS } from './tokens.js';

/** Resolves the plugins of a plan and wires them in a scope of their own. @throws SyncError `PLUGIN_*` */
export async function assembleEngine(plan: EnginePlan): Promise<EngineParts> {
  const resolver = new PluginResolver(plan.plugins, plan.chainOptions);
  const transports = await resolver.transports();
  const takesSnapshots = mayTakeSnapshots(plan);
  const { scope, codecs } = await storeScope(plan, resolver, takesSnapshots ? SNAPSHOT_CODECS : []);
  const limits = plan.transportLimits;
  const { createHttp1Client } = await import('../http1-client/index.js');
  scope.provide(
    TOKENS.http,
    () => createHttp1Client(limits, plan.connection),
    (client) => client.close(),
  );
  const deps = { fetch: plan.fetch ?? scope.get(TOKENS.http).fetch, limits };
  scope.provide(
    TOKENS.transports,
    () => transports.map((plugin) => plugin.create(deps)),
    async (made) => {
      for (const transport of made) await transport.close?.();
    },
  );
  if (takesSnapshots) await provideSnapshots(scope, resolver, codecs, deps);
  const parts = {
    ...storeParts(plan, scope, resolver, { codecs, threads: plan.settings.threads }),
    transports: scope.get(TOKENS.transports),
    acceptCodecs: plan.acceptCodecs,
    adoptableRules: resolver.adoptableRules(),
    signatures: () => resolver.signatures(),
  };
  if (!takesSnapshots) return { ...parts, snapshots: null };
  const directory = snapshotDirectoryOf(plan, parts.storage);
  const snapshots = {
    transport: scope.get(TOKENS.snapshots),
    workers: scope.get(TOKENS.workers),
    codecs: snapshotCodecsOf(codecs),
    directory,
  };
  return { ...parts, snapshots };
}

/** The parts of a chain that nothing is synced into. @throws SyncError `PLUGIN_*` */
export async function assembleChain(plan: ChainPlan): Promise<StoreParts> {
  const resolver = new PluginResolver(plan.plugins, plan.chainOptions);
  const { scope } = await storeScope(plan, resolver, []);
  return storeParts(plan, scope, resolver, { codecs: [], threads: 0 });
}

function mayTakeSnapshots({ settings: { mode, trust } }: EnginePlan): boolean {
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
  plan: ChainPlan,
  resolver: PluginResolver,
  more: readonly string[],
): Promise<{ readonly scope: Scope; readonly codecs: readonly CodecPlugin[] }> {
  const storage = await resolver.storage(plan.storage);
  const codecs = await resolveCodecs(resolver, neededCodecs(plan), more);
  // Jest runs what is in CommonJS, tsyringe among it, before the modules that come first.
  await import('./reflect.js');
  const { Scope } = await import('./scope.js');
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
function neededCodecs({ acceptCodecs, storeCodec }: ChainPlan): readonly string[] {
  return [...acceptCodecs, storeCodec, ...defaultCodecs()];
}

/** @param forTiles - codecs that tiles may come in besides gzip, and most threads that they are checked on. */
function storeParts(
  plan: ChainPlan,
  scope: Scope,
  resolver: PluginResolver,
  forTiles: { readonly codecs: readonly CodecPlugin[]; readonly threads: number },
): StoreParts {
  const codecs = scope.get(TOKENS.codecs);
  const storage = scope.get(TOKENS.storage);
  return {
    storage,
    codecs,
    evidence: evidenceShelf(storage),
    producer: blockProducer,
    encoding: new StorageEncoding(codecs.get(plan.storeCodec), plan.rawBelowBytes),
    ...rulesParts(scope, resolver, forTiles.codecs, forTiles.threads),
    close: () => scope.close(),
  };
}

function evidenceShelf({ directory }: Storage): EvidenceShelf {
  return directory === null ? new EvidenceInMemory() : new EvidenceFiles(`${directory}/evidence`);
}

function snapshotDirectoryOf({ partsDirectory }: EnginePlan, storage: Storage): string | null {
  if (!partsDirectory.inStore) return partsDirectory.path;
  return storage.directory === null ? null : `${storage.directory}/downloads`;
}
