import {
  accepting,
  height,
  integer,
  list,
  object,
  oneOf,
  readOptions,
  type SpecOf,
  withDefault,
} from '../../../src/internal/options/index.js';
import { ETHEREUM_OPTIONS, type EthereumOptions } from '../options.js';
import type { Curve } from './recover.js';
import type { Quorum } from './seals.js';
import type { ValidatorsFrom } from './validators.js';

/** Options of the rules `evm-bft`. */
export interface EvmBftOptions extends EthereumOptions {
  /**
   * Who may make blocks, lowest height first: from each `from` on exactly these, until they change. Chains that keep their
   * validators in a contract need an entry for each change; in the others votes in the headers change them.
   *
   * @defaultValue none: the first block's own list is taken as it is.
   */
  readonly validators?: readonly ValidatorsFrom[];
  /**
   * What else than an entry of `validators` may change them. `carried`: votes of more than half of them, counted by the rules
   * of their chain. `pinned`: nothing.
   *
   * @defaultValue `'carried'`
   */
  readonly validatorChanges?: 'carried' | 'pinned';
  /**
   * How many of n validators have to seal a block. `2f+1`, with f = ceil(n/3) − 1, is for chains of GoQuorum before its
   * `ceil2Nby3Block`; it asks for one seal of three.
   *
   * @defaultValue `'ceil(2n/3)'`
   */
  readonly quorum?: Quorum;
  /**
   * Length of an epoch, in blocks: votes count until the next one begins. In Clique its first block lists the signers.
   *
   * @defaultValue 30,000
   */
  readonly epochBlocks?: number;
  /**
   * Curve of the keys of validators: what `ecCurve` is in the genesis file of Besu. With `secp256r1` (P-256) `members: 'known'`
   * is refused, since senders of transactions aren't recovered on it.
   *
   * @defaultValue `'secp256k1'`
   */
  readonly ecCurve?: Curve;
}

const address = accepting(
  'an address: 0x and 40 hex digits',
  (value): value is string => typeof value === 'string' && /^0x[0-9a-fA-F]{40}$/.test(value),
);

/** Readers of the options. */
const EVM_BFT_OPTIONS = {
  ...ETHEREUM_OPTIONS,
  validators: withDefault(list(object({ from: height(), list: list(address, { min: 1 }) })), []),
  validatorChanges: withDefault(oneOf(['carried', 'pinned']), 'carried'),
  quorum: withDefault(oneOf(['ceil(2n/3)', '2f+1']), 'ceil(2n/3)'),
  epochBlocks: withDefault(integer({ min: 1 }), 30_000),
  ecCurve: withDefault(oneOf(['secp256k1', 'secp256r1']), 'secp256k1'),
} satisfies SpecOf<EvmBftOptions>;

/** Options, complete and checked; what `structuredClone` takes. */
export type EvmBftSettings = Required<EvmBftOptions>;

/** @throws TypeError */
export function readEvmBftOptions(options: EvmBftOptions): EvmBftSettings {
  const read = readOptions('evmBft', options, EVM_BFT_OPTIONS);
  if (read.ecCurve !== 'secp256k1' && read.members === 'known')
    throw new TypeError("evmBft: `members: 'known'` checks senders, which is for keys of secp256k1 only.");
  for (const [at, { from, list }] of read.validators.entries()) {
    if (from <= (read.validators[at - 1]?.from ?? -1))
      throw new TypeError('evmBft: the heights in `validators` must ascend.');
    if (new Set(list.map((one) => one.toLowerCase())).size < list.length)
      throw new TypeError(`evmBft: \`validators\` from ${from} on name one twice.`);
  }
  return read;
}
