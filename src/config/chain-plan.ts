import type { Finality } from '../chain/finality.js';
import {
  type ChainLimits,
  type ChainSettings,
  DEFAULT_CHAIN_LIMITS,
  DEFAULT_MAX_ROLLBACK_BLOCKS,
} from '../chain/settings.js';
import { DEFAULT_PRODUCE, type ProduceSettings } from '../chain/produce/settings.js';
import { Pins } from '../chain/pins.js';
import type { BlockSigner, Plugin, StateTransition } from '../contracts/index.js';
import {
  func,
  height,
  integer,
  list,
  object,
  objectWith,
  optional,
  pluginOf,
  type Reader,
  readOptions,
  refusal,
  text,
  textOr,
  type ValuesOf,
  withDefault,
} from '../internal/options/index.js';
import { defaultCodecs } from './builtin.js';
import type { CodecName } from '../internal/codecs.js';
import { checkpoints } from './checkpoints.js';
import { checkSignedRules, producers } from './producers.js';
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

/** Readers of the bounds of a chain. */
export const CHAIN_LIMITS = {
  maxBlockBytes: withDefault(integer({ min: 1 }), DEFAULT_CHAIN_LIMITS.maxBlockBytes),
} satisfies Record<keyof ChainLimits, Reader<number>>;

/** Readers of what an engine and a chain have in common. */
export const STORE = {
  storage,
  chain: optional(textOr(text('the name of chain rules'), pluginOf('chain'))),
  chainOptions: optional(chainOptions),
  chainId: optional(text()),
  checkpoints,
  producers,
  base: withDefault(height(), 0),
  codecs: withDefault(
    list(textOr(text('the name of a codec'), pluginOf('codec')), { min: 1 }),
    defaultCodecs(),
  ),
  // Which codec it is and what it is used for both depend on whether the host names one.
  storeCodec: withDefault<string | null>(text('the name of a codec'), null),
  stateTransition: optional(stateTransition()),
  finality: optional(finality()),
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
  const { chainId, base, stateTransition, finality, producers } = options;
  const pins = new Pins(options.checkpoints);
  const storeCodec = options.storeCodec ?? DEFAULT_STORE_CODEC;
  const passed = passedPlugins(options, owner);
  const chain = chainName(options.chain, passed, owner);
  checkChainOptions(options.chainOptions, chain, passed, { owner, path: 'chainOptions' });
  if (producers.length > 0) checkSignedRules(chain, passed, { owner, path: 'producers' });
  return {
    settings: {
      ...{ chain, chainId, pins, producers, base, stateTransition, finality },
      confirmsVerified: true,
      // An engine whose peers have to agree may have left blocks there that none of them has confirmed.
      confirmsStored: false,
      produce: DEFAULT_PRODUCE,
      maxRollbackBlocks: depthOf(finality) ?? DEFAULT_MAX_ROLLBACK_BLOCKS,
    },
    storage: storageOf(options.storage, { owner, path: 'storage' }, passed),
    acceptCodecs: codecNames(options.codecs, owner),
    storeCodec,
    rawBelowBytes: options.storeCodec === null ? RAW_BELOW_BYTES : 0,
    plugins: withCodecs({ ...options, storeCodec }, passed, owner),
    chainOptions: options.chainOptions,
  };
}

function depthOf(finality: Finality | null): number | null {
  return typeof finality === 'object' && finality !== null ? finality.depth : null;
}

function stateTransition(): Reader<StateTransition> {
  const expects = 'an object with a method `apply`';
  const transition = objectWith<StateTransition>(expects, ['apply']);
  return {
    expects,
    read(value, where) {
      if (typeof value === 'function')
        throw refusal(where, `must be ${expects}, not a function; write {apply: …} around it.`);
      return transition.read(value, where);
    },
  };
}

function finality(): Reader<Finality> {
  const expects = 'an object {depth} or a function';
  const depth = object({ depth: integer() }, expects);
  const own = func<Extract<Finality, (...args: never[]) => unknown>>();
  return {
    ...depth,
    read: (value, where) => (typeof value === 'function' ? own.read(value, where) : depth.read(value, where)),
  };
}
