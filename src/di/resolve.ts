import type {
  ChainRules,
  ChainRulesPlugin,
  CodecPlugin,
  Plugin,
  SignatureScheme,
  SnapshotTransportPlugin,
  StoragePlugin,
  TransportPlugin,
} from '../contracts/index.js';
import type { StorageChoice } from '../config/storage.js';
import { SyncError } from '../errors/index.js';
import { isBuiltinCodec } from '../internal/codecs.js';
import { BUILTIN, builtinCodec, builtinNames, builtinRules } from './builtin.js';

type Kind = Parameters<typeof builtinNames>[0];
type PluginOf<K extends Plugin['kind']> = Extract<Plugin, { readonly kind: K }>;

/** Looks plugins up by name: those that the host passed first, then the built-in ones. */
export class PluginResolver {
  readonly #plugins: readonly Plugin[];
  readonly #chainOptions: object | null;

  /**
   * @param plugins - passed by the host, and checked.
   * @param chainOptions - of built-in rules; `null` for the defaults.
   */
  constructor(plugins: readonly Plugin[], chainOptions: object | null = null) {
    this.#plugins = plugins;
    this.#chainOptions = chainOptions;
  }

  /** The store that a plan has chosen. */
  async storage(choice: StorageChoice): Promise<StoragePlugin> {
    if ('kind' in choice) return choice;
    if (choice.use === 'memory') return BUILTIN.storage.memory();
    if (choice.use === 'postgres') {
      const { url, listenUrl, schema, store, role, createIfMissing, durability, pool } = choice;
      const { leaseMs, outageMs, retainMs } = choice;
      const times = { leaseMs, outageMs, retainMs };
      return BUILTIN.storage.postgres({
        url,
        listenUrl,
        schema,
        store,
        role,
        createIfMissing,
        durability,
        pool,
        ...times,
      });
    }
    const { location, createIfMissing } = choice;
    return BUILTIN.storage.leveldb({ location, createIfMissing });
  }

  /** @throws SyncError `PLUGIN_UNKNOWN` */
  async codec(name: string): Promise<CodecPlugin> {
    const own = this.#own('codec', name);
    if (own !== null) return own;
    if (isBuiltinCodec(name)) return builtinCodec(name);
    throw this.#unknown('codec', name);
  }

  /** Rules by their full name, arguments included. @throws SyncError `PLUGIN_UNKNOWN` */
  async rules(id: string): Promise<ChainRules> {
    return (await this.rulesPlugin(id)).create();
  }

  /** What makes rules, by their full name. @throws SyncError `PLUGIN_UNKNOWN` @throws TypeError for options that are none */
  async rulesPlugin(id: string): Promise<ChainRulesPlugin> {
    const own = this.#own('chain', id);
    if (own !== null) return own;
    const builtin = builtinRules(id);
    if (builtin !== null) return builtin.load(id, this.#chainOptions);
    throw this.#unknown('chain', id);
  }

  /** Full names of the rules that recompute hashes: they may be taken over from a peer's word. */
  adoptableRules(): readonly string[] {
    const own = this.#plugins.filter((plugin) => plugin.kind === 'chain');
    const passed = new Map(own.map((plugin) => [plugin.name, plugin.create().selfCertifying]));
    const names = [...passed.keys(), ...builtinNames('chain')];
    return [...new Set(names)].filter((name) => passed.get(name) ?? builtinRules(name)?.selfCertifying);
  }

  /** The transports that the host passed, or the built-in ones. */
  async transports(): Promise<readonly TransportPlugin[]> {
    const own = this.#plugins.filter((plugin) => plugin.kind === 'transport');
    if (own.length > 0) return own;
    const { transport } = BUILTIN;
    return [await transport.sse(), await transport['json-range'](), await transport.tile()];
  }

  /** The snapshot transport that the host passed, or the built-in one. */
  async snapshotTransport(): Promise<SnapshotTransportPlugin> {
    const own = this.#plugins.find((plugin) => plugin.kind === 'snapshot-transport');
    return own ?? BUILTIN['snapshot-transport'].snapshot();
  }

  /** The signature scheme that the host passed, or the built-in one. */
  async signatures(): Promise<SignatureScheme> {
    const own = this.#plugins.find((plugin) => plugin.kind === 'signature');
    return (own ?? (await BUILTIN.signature.secp256k1())).create();
  }

  #own<K extends Plugin['kind']>(kind: K, name: string): PluginOf<K> | null {
    const found = this.#plugins.find((plugin) => plugin.kind === kind && plugin.name === name);
    return (found as PluginOf<K> | undefined) ?? null;
  }

  #unknown(kind: Kind, name: string): SyncError {
    const own = this.#plugins.filter((plugin) => plugin.kind === kind).map((plugin) => plugin.name);
    const known = [...own, ...builtinNames(kind)].join(', ');
    return new SyncError(
      'PLUGIN_UNKNOWN',
      `There is no ${kind} plugin ${JSON.stringify(name)}; there are ${known}.`,
    );
  }
}
