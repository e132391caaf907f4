import type { ChainSettings } from '../chain/settings.js';
import { DEFAULT_PRODUCE, type ProduceSettings } from '../chain/produce/settings.js';
import type { BlockSigner, Plugin } from '../contracts/index.js';
import {
  integer,
  list,
  object,
  objectWith,
  optional,
  pluginOf,
  type Reader,
  readOptions,
  text,
  textOr,
  type ValuesOf,
  withDefault,
} from '../internal/options/index.js';
import { defaultCodecs } from './builtin.js';
import type { CodecName } from '../internal/codecs.js';
import { CHAIN, CHAIN_LIMITS, chainSettings } from './chain-options.js';
import { checkSignedRules } from './producers.js';
import {
  chainName,
  chainOptions,
  checkChainOptions,
  codecNames,
  passedPlugins,
  withCodecs,
} from './plugins.js';
import { storage, type StorageChoice, storageOf } from './storage.js';
import type { ChainConfig } from './types.js';

/** All that a chain is opened with, complete, checked and frozen. Nothing reads the configuration after it was made. */
export interface ChainPlan {
  readonly settings: ChainSettings;
  readonly storage: StorageChoice;
  /** Codecs to take blocks in, best first. */
  readonly acceptCodecs: readonly string[];
  /** Codec that blocks which came without an encoding are stored in. */
  readonly storeCodec: string;
  /** Blocks of fewer bytes which came without an encoding are stored as they are. */
  readonly rawBelowBytes: number;
  /** The plugins that the host passed, wherever it passed them. */
  readonly plugins: readonly Plugin[];
  /** Options of the built-in rules that are named, for them to read; `null` for their defaults. */
  readonly chainOptions: object | null;
}

const DEFAULT_STORE_CODEC: CodecName = 'gzip';
/** Unless the host names a codec, blocks of fewer bytes are stored as they are. */
const RAW_BELOW_BYTES = 2048;

/** Readers of what an engine and a chain have in common. */
export const STORE = {
  storage,
  chain: optional(textOr(text('the name of chain rules'), pluginOf('chain'))),
  chainOptions: optional(chainOptions),
  ...CHAIN,
  codecs: withDefault(
    list(textOr(text('the name of a codec'), pluginOf('codec')), { min: 1 }),
    defaultCodecs(),
  ),
  // Which codec it is and what it is used for both depend on whether the host names one.
  storeCodec: withDefault<string | null>(text('the name of a codec'), null),
  plugins: withDefault(
    list(pluginOf('codec', 'storage', 'chain', 'transport', 'snapshot-transport', 'signature')),
    [],
  ),
} satisfies Record<Exclude<keyof ChainConfig, 'limits' | 'produce'>, Reader<unknown>>;

/** Readers of how blocks are produced. */
const PRODUCE = {
  signer: optional(
    objectWith<BlockSigner>('a signer of blocks, as `readProducerKey` gives it', ['signBytes']),
  ),
  wrap: optional(text('the name of a member')),
  maxWaitingBytes: withDefault(integer({ min: 1 }), DEFAULT_PRODUCE.maxWaitingBytes),
} satisfies Record<keyof ProduceSettings, Reader<unknown>>;

/** Readers of the options of `openChain`. */
export const CHAIN_OPTIONS = { ...STORE, produce: object(PRODUCE), limits: object(CHAIN_LIMITS) };

/**
 * Turns a configuration of `openChain` into a plan.
 *
 * @throws TypeError @throws SyncError `PLUGIN_*`, `CODEC_UNAVAILABLE`
 */
export function chainPlan(config: ChainConfig): ChainPlan {
  const owner = 'openChain';
  const options = readOptions(owner, config, CHAIN_OPTIONS);
  const plan = storePlan(options, owner);
  return Object.freeze({
    ...plan,
    settings: Object.freeze({ ...plan.settings, produce: options.produce, limits: options.limits }),
  });
}

/** The part of a plan that does not depend on whether anything is synced into the store. @throws as {@link chainPlan} */
export function storePlan(
  options: ValuesOf<typeof STORE>,
  owner: string,
): Omit<ChainPlan, 'settings'> & { readonly settings: Omit<ChainSettings, 'limits'> } {
  const storeCodec = options.storeCodec ?? DEFAULT_STORE_CODEC;
  const passed = passedPlugins(options, owner);
  const chain = chainName(options.chain, passed, owner);
  checkChainOptions(options.chainOptions, chain, passed, { owner, path: 'chainOptions' });
  if (options.producers.length > 0) checkSignedRules(chain, passed, { owner, path: 'producers' });
  return {
    settings: chainSettings(options, chain),
    storage: storageOf(options.storage, { owner, path: 'storage' }, passed),
    acceptCodecs: codecNames(options.codecs, owner),
    storeCodec,
    rawBelowBytes: options.storeCodec === null ? RAW_BELOW_BYTES : 0,
    plugins: withCodecs({ ...options, storeCodec }, passed, owner),
    chainOptions: options.chainOptions,
  };
}
