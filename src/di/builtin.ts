import type {
  ChainRulesPlugin,
  CodecPlugin,
  SignaturePlugin,
  SnapshotTransportPlugin,
  StoragePlugin,
  TransportPlugin,
} from '../contracts/index.js';
import type { LevelStorageOptions } from '../../plugins/storage-leveldb/index.js';
import type { CHAIN_FORMS, CODEC_NAMES, STORAGE_NAMES } from '../config/builtin.js';

type Named<T extends readonly string[]> = Readonly<Record<T[number], unknown>>;

/**
 * The plugins that a configuration can name without passing them. The only place that knows them; each is loaded when
 * it is first used, so that a host pays for what it uses.
 */
export const BUILTIN = {
  storage: {
    leveldb: async (options: LevelStorageOptions): Promise<StoragePlugin> =>
      (await import('../../plugins/storage-leveldb/index.js')).levelStorage(options),
    memory: async (): Promise<StoragePlugin> =>
      (await import('../../plugins/storage-memory/index.js')).memoryStorage(),
  },
  codec: {
    gzip: async (): Promise<CodecPlugin> => (await import('../../plugins/codec-gzip/index.js')).gzip(),
    identity: async (): Promise<CodecPlugin> =>
      (await import('../../plugins/codec-identity/index.js')).identity(),
    bzip2: async (): Promise<CodecPlugin> => (await import('../../plugins/codec-bzip2/index.js')).bzip2(),
    zstd: async (): Promise<CodecPlugin> => (await import('../../plugins/codec-zstd/index.js')).zstd(),
  },
  chain: {
    'sealed-json': async (): Promise<ChainRulesPlugin> =>
      (await import('../../plugins/chain-sealed-json/index.js')).sealedJson(),
    ethereum: async (): Promise<ChainRulesPlugin> =>
      (await import('../../plugins/chain-ethereum/index.js')).ethereum(),
    linked: async (id: string): Promise<ChainRulesPlugin> => {
      const { linked, parseLinkedId } = await import('../../plugins/chain-linked/index.js');
      return linked(parseLinkedId(id));
    },
  },
  transport: {
    sse: async (): Promise<TransportPlugin> =>
      (await import('../../plugins/transport-sse/client/index.js')).sseTransport(),
    'json-range': async (): Promise<TransportPlugin> =>
      (await import('../../plugins/transport-json-range/client/index.js')).jsonRangeTransport(),
  },
  'snapshot-transport': {
    snapshot: async (): Promise<SnapshotTransportPlugin> =>
      (await import('../../plugins/transport-snapshot/client/index.js')).snapshotTransport(),
  },
  signature: {
    secp256k1: async (): Promise<SignaturePlugin> =>
      (await import('../../plugins/signer-secp256k1/index.js')).secp256k1(),
  },
} as const satisfies {
  readonly storage: Named<typeof STORAGE_NAMES>;
  readonly codec: Named<typeof CODEC_NAMES>;
  readonly chain: Readonly<Record<keyof typeof CHAIN_FORMS, unknown>>;
  readonly [kind: string]: unknown;
};

/** Names of the built-in plugins of a kind. */
export function builtinNames(kind: keyof typeof BUILTIN): readonly string[] {
  return Object.keys(BUILTIN[kind]);
}
