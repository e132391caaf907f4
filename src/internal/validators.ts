import type { ChainRules, DescribedBlock, ValidatorStep } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';

/**
 * Validators that blocks have left: as their rules write them, or what {@link ValidatorCarrying} has made of them; `null` below
 * a first block, `undefined` where nobody knows.
 */
export type LeftValidators = string | object | null | undefined;

/** Carries the validators of a chain from block to block, where its rules read them. */
export class ValidatorCarry {
  readonly #rules: ChainRules;
  #left: LeftValidators;
  #stated: string | undefined;

  /** @param left - by the block below the first that is taken. */
  constructor(rules: ChainRules, left: LeftValidators) {
    this.#rules = rules;
    this.#left = left;
  }

  /** What the last block has left. */
  get left(): LeftValidators {
    return this.#left;
  }

  /**
   * Takes the next block.
   *
   * @param block - as the rules have described it.
   * @param document - gives its bytes.
   * @returns its step where it is the first, or says something else than the one below; else `null`
   * @throws SyncError `VALIDATORS_CHANGED`; under rules that count votes `SIGNATURE_INVALID`
   */
  take(block: DescribedBlock, document: () => Uint8Array): ValidatorStep | null {
    const step = this.#rules.carrying?.read(document()) ?? stepOf(block);
    return step === null || !this.takeStep(step) ? null : step;
  }

  /**
   * Takes the next block by its step.
   *
   * @returns whether it is the first, or says something else than the one below
   * @throws SyncError as `take`
   */
  takeStep(step: ValidatorStep): boolean {
    const before = this.#left;
    const stated = this.#stated;
    this.#left = this.#after(step);
    this.#stated = step.validators;
    const isFirst = before === undefined || before === null;
    return isFirst || before !== this.#left || stated !== step.validators || step.ballot !== undefined;
  }

  #after(step: ValidatorStep): LeftValidators {
    const { carrying, id } = this.#rules;
    const left = this.#left;
    if (carrying !== undefined) return carrying.take(step, typeof left === 'string' ? undefined : left);
    const { height, validators, nextValidators } = step;
    if (validators !== left && left !== undefined && left !== null) {
      const message = `Block ${height} has other validators than the block below left, and ${id} knows no proof of that.`;
      throw new SyncError('VALIDATORS_CHANGED', message, { height });
    }
    const next = nextValidators ?? validators;
    // The same text is in memory once, however many blocks have left it.
    return next === left ? left : next;
  }
}

function stepOf({ height, validators, nextValidators }: DescribedBlock): ValidatorStep | null {
  if (validators === undefined) return null;
  return { height, validators, ...(nextValidators === undefined ? {} : { nextValidators }) };
}
