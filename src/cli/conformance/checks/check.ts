import type { Answer } from '../answer.js';
import type { BodyCheck } from '../case.js';
import type { Facts } from '../facts.js';

/** What a body is looked at with. */
export interface Looking {
  readonly facts: Facts;
  /** Of the steps before, and of this one. */
  readonly answers: readonly Answer[];
}

/** Looks at a body. @throws Unmet */
export type Check<Is extends BodyCheck['is']> = (
  answer: Answer,
  check: Extract<BodyCheck, { readonly is: Is }>,
  looking: Looking,
) => void | Promise<void>;
