import {
  accepting,
  height,
  list,
  object,
  oneOf,
  readOptions,
  type SpecOf,
  withDefault,
} from '../../src/internal/options/index.js';
import { base64Bytes } from '../../src/internal/proof/index.js';
import { addressOf, setOf, type ValidatorSet } from './validators.js';

/** A validator that a configuration names. */
export interface CometbftValidator {
  /** Public key of Ed25519: 32 bytes in base64, as `/validators` has it in `pub_key.value`. */
  readonly key: string;
  /** Voting power: an integer above 0, in digits. */
  readonly power: string;
}

/** Who votes on blocks from a height on. */
export interface CometbftValidators {
  /** First height of this set. */
  readonly from: number;
  /** All of them, in the order of `/validators`: by descending power, then by address. */
  readonly list: readonly CometbftValidator[];
}

/** Options of {@link cometbft}. */
export interface CometbftOptions {
  /**
   * Whether each block must have its commit, with the signatures of more than two thirds of the power of its validators. A
   * commit that is there is checked in any case.
   *
   * @defaultValue `'optional'`
   */
  readonly commits?: 'optional' | 'required';
  /**
   * Who votes on blocks, in ascending order of heights: blocks of any others are refused. A chain whose validators change
   * by itself is better pinned by `checkpoints`: the validators of each block are those that the block below has named.
   *
   * @defaultValue `[]`: whom the chain itself names
   */
  readonly validators?: readonly CometbftValidators[];
  /**
   * Whether members that these rules don't know are taken; nothing covers them, so that any peer can add them. Where
   * something is hashed or signed they never are.
   *
   * @defaultValue `'any'`
   */
  readonly members?: 'any' | 'known';
  /**
   * How the application makes `data_hash`: CometBFT's way, or one of its own, as Celestia's, which is not checked.
   *
   * @defaultValue `'cometbft'`
   */
  readonly data?: 'cometbft' | 'unchecked';
}

const KEY_BYTES = 32;

const validator = object({
  key: accepting(
    'the 32 bytes of a key of Ed25519 in base64',
    (value): value is string => typeof value === 'string' && base64Bytes(value)?.length === KEY_BYTES,
  ),
  power: accepting(
    'an integer above 0 in digits',
    (value): value is string => typeof value === 'string' && /^[1-9][0-9]{0,18}$/.test(value),
  ),
});

/** Readers of the options. */
export const COMETBFT_OPTIONS = {
  commits: withDefault(oneOf(['optional', 'required']), 'optional'),
  validators: withDefault(list(object({ from: height(), list: list(validator, { min: 1 }) })), []),
  members: withDefault(oneOf(['any', 'known']), 'any'),
  data: withDefault(oneOf(['cometbft', 'unchecked']), 'cometbft'),
} satisfies SpecOf<CometbftOptions>;

/** Options, complete and checked; what `structuredClone` takes. */
export type CometbftSettings = Required<CometbftOptions>;

/** @throws TypeError */
export function readCometbftOptions(options: CometbftOptions): CometbftSettings {
  const read = readOptions('cometbft', options, COMETBFT_OPTIONS);
  for (const [at, { from }] of read.validators.entries()) {
    if (from <= (read.validators[at - 1]?.from ?? -1))
      throw new TypeError('cometbft: the heights in `validators` must ascend.');
  }
  return read;
}

/** The sets of a configuration, by ascending heights. */
export function pinnedSets(
  settings: CometbftSettings,
): readonly (ValidatorSet & { readonly from: number })[] {
  return settings.validators.map(({ from, list: validators }) => ({
    from,
    ...setOf(
      validators.map(({ key, power }) => {
        const bytes = Buffer.from(key, 'base64');
        return { key: bytes, address: addressOf(bytes), power: BigInt(power) };
      }),
    ),
  }));
}
