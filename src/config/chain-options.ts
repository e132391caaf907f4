import type { Finality } from '../chain/finality.js';
import { Pins } from '../chain/pins.js';
import { DEFAULT_PRODUCE } from '../chain/produce/settings.js';
import {
  type ChainLimits,
  type ChainSettings,
  DEFAULT_CHAIN_LIMITS,
  DEFAULT_MAX_ROLLBACK_BLOCKS,
} from '../chain/settings.js';
import type { StateTransition } from '../contracts/index.js';
import {
  func,
  height,
  integer,
  object,
  objectWith,
  optional,
  type Reader,
  refusal,
  text,
  type ValuesOf,
  withDefault,
} from '../internal/options/index.js';
import { checkpoints } from './checkpoints.js';
import { producers } from './producers.js';
import type { ChainConfig } from './types.js';

/** Readers of the bounds of a chain. */
export const CHAIN_LIMITS = {
  maxBlockBytes: withDefault(integer({ min: 1 }), DEFAULT_CHAIN_LIMITS.maxBlockBytes),
} satisfies Record<keyof ChainLimits, Reader<number>>;

/** Readers of what says which blocks a chain has, wherever they are kept. */
export const CHAIN = {
  chainId: optional(text()),
  checkpoints,
  producers,
  base: withDefault(height(), 0),
  stateTransition: optional(stateTransition()),
  finality: optional(finality()),
} satisfies Partial<Record<keyof ChainConfig, Reader<unknown>>>;

/** The settings that they come to. @param chain - full name of the rules; `null` when none are asked for. */
export function chainSettings(
  options: ValuesOf<typeof CHAIN>,
  chain: string | null,
): Omit<ChainSettings, 'limits'> {
  const { chainId, base, stateTransition, finality, producers } = options;
  return {
    ...{ chain, chainId, producers, base, stateTransition, finality },
    pins: new Pins(options.checkpoints),
    confirmsVerified: true,
    // An engine whose peers have to agree may have left blocks there that none of them has confirmed.
    confirmsStored: false,
    produce: DEFAULT_PRODUCE,
    maxRollbackBlocks: depthOf(finality) ?? DEFAULT_MAX_ROLLBACK_BLOCKS,
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
