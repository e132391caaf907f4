import {
  integer,
  list,
  oneOf,
  readOptions,
  type SpecOf,
  withDefault,
} from '../../src/internal/options/index.js';

/** Options of the rules `ethereum`. */
export interface EthereumOptions {
  /**
   * Types of transactions, as numbers, that are passed though these rules can't compute what the header's root is made of:
   * those of L2s. Then no block's transactions are proved.
   *
   * @defaultValue none: a block with a type other than 0 to 4 is refused.
   */
  readonly unprovedTransactionTypes?: readonly number[];
  /**
   * Whether members are taken that nothing covers, and that any peer can change or add: `totalDifficulty`, the `size` of a
   * block, bare hashes of transactions, members with other names. `known` refuses them, and checks `from`, which takes the
   * recovery of a public key for each transaction, `gasPrice` and `chainId`.
   *
   * @defaultValue `'any'`
   */
  readonly members?: 'any' | 'known';
}

/** Readers of the options. */
export const ETHEREUM_OPTIONS = {
  unprovedTransactionTypes: withDefault(list(integer({ min: 5, max: 0x7f })), []),
  members: withDefault(oneOf(['any', 'known']), 'any'),
} satisfies SpecOf<EthereumOptions>;

/** Options, complete and checked; what `structuredClone` takes. */
export type EthereumSettings = Required<EthereumOptions>;

/** @throws TypeError */
export function readEthereumOptions(options: EthereumOptions): EthereumSettings {
  return readOptions('ethereum', options, ETHEREUM_OPTIONS);
}
