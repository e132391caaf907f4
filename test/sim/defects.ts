import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import { sseTransport } from '../../plugins/transport-sse/index.js';
import { MemoryStorage } from '../../plugins/storage-memory/memory-storage.js';
import type {
  AbortOptions,
  BlockRange,
  ChainRules,
  ChainRulesPlugin,
  Frame,
  StoragePlugin,
  Transport,
  TransportDeps,
  TransportPlugin,
  WireItem,
} from '../../src/contracts/index.js';
import { PLUGIN_API_VERSION, type SyncEngineConfig } from '../../src/index.js';

/** The word of a peer is enough to drop blocks. */
export function trusting(config: SyncEngineConfig): SyncEngineConfig {
  const peers = config.peers.map((peer) => (typeof peer === 'string' ? { url: peer } : peer));
  return { ...config, peers: peers.map((peer) => ({ ...peer, rollbacks: 'trusted' })) };
}

type Change<T> = (items: readonly T[]) => readonly T[];

const STORAGE = { kind: 'storage', name: 'broken', apiVersion: PLUGIN_API_VERSION } as const;

/** A store that reads something else than was written. */
export function brokenStore(change: Change<Frame>): { readonly storage: StoragePlugin } {
  class BrokenStorage extends MemoryStorage {
    override async *read(range: BlockRange, options?: AbortOptions): AsyncGenerator<readonly Frame[]> {
      for await (const frames of super.read(range, options)) yield change(frames);
    }
  }
  return { storage: { ...STORAGE, create: () => new BrokenStorage() } };
}

/** Whatever was durable last is gone when it is opened again. */
export function forgetfulStore(): { readonly storage: StoragePlugin } {
  class ForgetfulStorage extends MemoryStorage {
    override async open(options?: AbortOptions): Promise<void> {
      await super.open(options);
      const { head } = this.checkpoint();
      const before = head === null ? null : await this.header(head.height - 1);
      if (before !== null) await this.rollback({ height: before.height, hash: before.hash });
    }
  }
  const store = new ForgetfulStorage();
  return { storage: { ...STORAGE, create: () => store } };
}

/** Rules that believe the hash that a block states. */
export function withoutHashes(): ChainRulesPlugin {
  const plugin = sealedJson();
  const create = (...args: Parameters<ChainRulesPlugin['create']>): ChainRules => {
    const rules = plugin.create(...args);
    return {
      id: rules.id,
      selfCertifying: rules.selfCertifying,
      genesisPreviousHash: rules.genesisPreviousHash,
      describe: (document) => rules.describe(document),
      verify: (document) => rules.describe(document),
    };
  };
  return { ...plugin, create };
}

/** The stream only, of which the client hears what is left. */
export function withStream(change: Change<WireItem>): { readonly plugins: readonly TransportPlugin[] } {
  return withTransport((transport) => ({
    async *open(request, options) {
      for await (const items of transport.open(request, options)) yield change(items);
    },
  }));
}

/** The stream only, of a client that doesn't hear which head a peer claims. */
export function withoutClaims(): { readonly plugins: readonly TransportPlugin[] } {
  return withTransport((transport) => ({
    async status(peer, options) {
      const status = await transport.status(peer, options);
      return status === null ? null : { ...status, head: null };
    },
  }));
}

function withTransport(change: (transport: Transport) => Partial<Transport>): {
  readonly plugins: readonly TransportPlugin[];
} {
  const sse = sseTransport();
  const create = (deps: TransportDeps): Transport => {
    const transport = sse.create(deps);
    return { ...transport, ...change(transport) };
  };
  return { plugins: [{ ...sse, create }] };
}

/** A document of which one byte is another. */
export function altered(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[copy.length - 3] = (copy[copy.length - 3] ?? 0) ^ 1;
  return copy;
}
