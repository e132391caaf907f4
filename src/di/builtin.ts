import type {
  ChainRulesPlugin,
  CodecPlugin,
  SignaturePlugin,
  SnapshotTransportPlugin,
  StoragePlugin,
  TransportPlugin,
} from '../contracts/index.js';
import type { LevelStorageOptions } from '../../plugins/storage-leveldb/index.js';
import type { CHAIN_FORMS, STORAGE_NAMES } from '../config/builtin.js';
import type { PostgresStorageOptions } from '../internal/postgres-options.js';
import { CODEC_NAMES, type CodecName } from '../internal/codecs.js';

type Named<T extends readonly string[]> = Readonly<Record<T[number], unknown>>;

/** What is known of built-in chain rules before they are loaded. */
interface BuiltinRules {
  /** As the rules state it themselves. */
  readonly selfCertifying: boolean;
  /** Whether more stands behind the name, as in `linked:HEIGHT,HASH,PARENT`. */
  readonly hasArguments: boolean;
  /**
   * @param id - full name, arguments included.
   * @param options - as the host gave them, unread; `null` for the defaults.
   */
  load(id: string, options: object | null): Promise<ChainRulesPlugin>;
}

/**
 * The plugins that a configuration can name without passing them, codecs aside, which have a table of their own
 * (`src/internal/codecs.ts`). Each is loaded when it is first used, so that a host pays for what it uses.
 */
export const BUILTIN = {
  storage: {
    leveldb: async (options: LevelStorageOptions): Promise<StoragePlugin> =>
      (await import('../../plugins/storage-leveldb/index.js')).levelStorage(options),
    postgres: async (options: PostgresStorageOptions): Promise<StoragePlugin> =>
      (await import('../../plugins/storage-postgres/index.js')).postgresStorage(options),
    memory: async (): Promise<StoragePlugin> =>
      (await import('../../plugins/storage-memory/index.js')).memoryStorage(),
  },
  chain: {
    'sealed-json': {
      selfCertifying: true,
      hasArguments: false,
      load: async () => (await import('../../plugins/chain-sealed-json/index.js')).sealedJson(),
    },
    ethereum: {
      selfCertifying: true,
      hasArguments: false,
      load: async (_id, options) =>
        (await import('../../plugins/chain-ethereum/index.js')).ethereum(options ?? {}),
    },
    'evm-bft': {
      selfCertifying: true,
      hasArguments: false,
      load: async (_id, options) =>
        (await import('../../plugins/chain-ethereum/index.js')).evmBft(options ?? {}),
    },
    cometbft: {
      selfCertifying: true,
      hasArguments: false,
      load: async (_id, options) =>
        (await import('../../plugins/chain-cometbft/index.js')).cometbft(options ?? {}),
    },
    bitcoin: {
      selfCertifying: true,
      hasArguments: false,
      load: async (_id, options) =>
        (await import('../../plugins/chain-bitcoin/index.js')).bitcoin(options ?? {}),
    },
    fabric: {
      selfCertifying: true,
      hasArguments: false,
      load: async (_id, options) =>
        (await import('../../plugins/chain-fabric/index.js')).fabric(options ?? {}),
    },
    linked: {
      selfCertifying: false,
      hasArguments: true,
      load: async (id) => {
        const { linked, parseLinkedId } = await import('../../plugins/chain-linked/index.js');
        return linked(parseLinkedId(id));
      },
    },
  },
  transport: {
    sse: async (): Promise<TransportPlugin> =>
      (await import('../../plugins/transport-sse/client/index.js')).sseTransport(),
    'json-range': async (): Promise<TransportPlugin> =>
      (await import('../../plugins/transport-json-range/client/index.js')).jsonRangeTransport(),
    tile: async (): Promise<TransportPlugin> =>
      (await import('../../plugins/transport-tile/client/index.js')).tileTransport(),
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
  readonly chain: Readonly<Record<keyof typeof CHAIN_FORMS, BuiltinRules>>;
  readonly [kind: string]: unknown;
};

/** Names of the built-in plugins of a kind. */
export function builtinNames(kind: 'codec' | keyof typeof BUILTIN): readonly string[] {
  return kind === 'codec' ? CODEC_NAMES : Object.keys(BUILTIN[kind]);
}

/** A built-in codec. */
export async function builtinCodec(name: CodecName): Promise<CodecPlugin> {
  const plugins: Readonly<Record<CodecName, () => CodecPlugin>> = await import('./codecs.js');
  return plugins[name]();
}

/** The built-in rules of a full name; `null` when there are none. */
export function builtinRules(id: string): BuiltinRules | null {
  const name = id.split(':', 1)[0] ?? id;
  const table: Readonly<Record<string, BuiltinRules>> = BUILTIN.chain;
  const rules = Object.hasOwn(table, name) ? table[name] : undefined;
  return rules !== undefined && (rules.hasArguments || id === name) ? rules : null;
}
