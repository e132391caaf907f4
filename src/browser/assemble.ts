import { sealedJson } from '../../plugins/chain-sealed-json/plugin.js';
import { identity } from '../../plugins/codec-identity/index.js';
import { memoryStorage } from '../../plugins/storage-memory/index.js';
import { sseTransport } from '../../plugins/transport-sse/client/index.js';
import { tileTransport } from '../../plugins/transport-tile/client/index.js';
import { EvidenceInMemory } from '../chain/evidence.js';
import { StorageEncoding } from '../chain/storage-encoding.js';
import type { BrowserPlan } from '../config/browser-plan.js';
import type { ChainRules, ChainRulesPlugin, Storage, VerifyTile } from '../contracts/index.js';
import { codecRegistry } from '../di/codec-registry.js';
import type { EngineParts } from '../engine/engine-parts.js';
import { SyncError } from '../errors/index.js';
import { verifiedTile } from '../tiles/verified.js';
import { TilesHere } from '../workers/here.js';
import { loadSignatures } from '../internal/web/signature.js';
import { platformFetch } from './fetch.js';
import { gzip } from './gzip-codec.js';
import { lazyRanges } from './lazy-ranges.js';

/** Streams are best as they are: what carries them compresses them, and browsers have that built in. */
const CODECS = ['identity', 'gzip'];

/** Makes the parts of an engine that needs nothing of Node. */
export async function assembleEngine(plan: BrowserPlan): Promise<EngineParts> {
  if (plan.settings.producers.length > 0) await loadSignatures();
  const deps = { fetch: plan.fetch ?? platformFetch, limits: plan.transportLimits };
  const transports = [sseTransport().create(deps), lazyRanges(deps), tileTransport().create(deps)];
  const storage = await storageOf(plan);
  const checks: TilesHere[] = [];
  return {
    storage,
    transports,
    codecs: codecRegistry([identity(), gzip()]),
    acceptCodecs: CODECS,
    encoding: StorageEncoding.raw,
    evidence: new EvidenceInMemory(),
    producer: null,
    rules: (id) => rulesOf(plan.rules, id),
    adoptableRules: adoptable(plan.rules),
    tileVerifier: (rules, limits) => {
      const here = new TilesHere({ rules, ...limits });
      checks.push(here);
      return verifierOf(here);
    },
    snapshots: null,
    signatures: () => Promise.reject(new TypeError('No snapshot is taken here.')),
    close: async () => {
      for (const check of checks) await check.close();
      for (const transport of transports) await transport.close?.();
      await storage.close();
    },
  };
}

async function storageOf({ storage }: BrowserPlan): Promise<Storage> {
  if ('kind' in storage) return storage.create();
  if (storage.use === 'memory') return memoryStorage().create();
  const { indexedDbStorage } = await import('./indexed-db/index.js');
  return indexedDbStorage(storage.name);
}

function verifierOf(here: TilesHere): VerifyTile {
  return async (entry, body, { signal }) =>
    verifiedTile(entry, await here.check({ entry, body, codec: null }, signal), body);
}

function rulesOf(own: ChainRulesPlugin | null, id: string): Promise<ChainRules> {
  if (own?.name === id) return Promise.resolve(own.create());
  if (id === 'sealed-json') return Promise.resolve(sealedJson().create());
  const message = `There are no chain rules ${JSON.stringify(id)} here; pass their plugin as \`chain\`.`;
  return Promise.reject(new SyncError('PLUGIN_UNKNOWN', message));
}

/** Rules that recompute hashes may be taken over from a peer's word. */
function adoptable(own: ChainRulesPlugin | null): readonly string[] {
  return own?.create().selfCertifying === true ? [own.name, 'sealed-json'] : ['sealed-json'];
}
