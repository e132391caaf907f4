import type { EthereumOptions } from '../options.js';
import type { Quorum } from './seals.js';
import type { ValidatorsFrom } from './validators.js';

/** Options of the rules `evm-bft`. */
export interface EvmBftOptions extends EthereumOptions {
  /**
   * Who may make blocks, lowest height first: from each `from` on exactly these, until they change. Chains that keep their
   * validators in a contract, and those of Clique, need an entry for each change; the others carry theirs in the header.
   *
   * @defaultValue none: a block's own list is taken as it is.
   */
  readonly validators?: readonly ValidatorsFrom[];
  /**
   * What else than an entry of `validators` may change them. `carried`: a block that more than a third of the validators
   * before it have sealed, and that adds or removes one, as a vote does. `pinned`: nothing.
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
   * Length of an epoch of Clique, in blocks: its first block lists the signers.
   *
   * @defaultValue 30,000
   */
  readonly epochBlocks?: number;
}
