import type { ChainRules, DescribedBlock } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';

/** Validators that blocks have left, as their rules write them; `null` below a first block, `undefined` where nobody knows. */
export type LeftValidators = string | null | undefined;

/** Carries the validators of a chain from block to block, where its rules read them. */
export class ValidatorCarry {
  readonly #rules: ChainRules;
  #left: LeftValidators;

  /** @param left - by the block below the first that is taken. */
  constructor(rules: ChainRules, left: LeftValidators) {
    this.#rules = rules;
    this.#left = left;
  }

  /** What the last block has left. */
  get left(): LeftValidators {
    return this.#left;
  }

  /** Goes on from a block that was checked together with those before it. @param left - by it */
  follow(left: LeftValidators): void {
    this.#left = left;
  }

  /**
   * Takes the next block.
   *
   * @param document - gives its bytes.
   * @throws SyncError `VALIDATORS_CHANGED`
   */
  take(
    { height, validators, nextValidators }: Omit<DescribedBlock, 'hash' | 'previousHash' | 'timestamp'>,
    document: () => Uint8Array,
  ): void {
    if (validators === undefined) return;
    const left = this.#left;
    if (left !== undefined && validators !== left) this.#checkChange(height, left, document);
    const next = nextValidators ?? validators;
    // The same text is in memory once, however many blocks have left it.
    if (next !== left) this.#left = next;
  }

  #checkChange(height: number, left: string | null, document: () => Uint8Array): void {
    if (this.#rules.verifyValidatorChange !== undefined) this.#rules.verifyValidatorChange(document(), left);
    else if (left !== null) {
      const message = `Block ${height} has other validators than the block below left, and ${this.#rules.id} knows no proof of that.`;
      throw new SyncError('VALIDATORS_CHANGED', message, { height });
    }
  }
}
