import type { BlockRef } from '../../contracts/index.js';

/** Branches of equal length that are switched to at one height. */
const MAX_TIES = 8;

/**
 * Two branches of equal length could be switched between for ever. So each is left once: servers behind one address may be
 * behind each other, and one that still has the branch that was left is late. And all that is done a few times for each
 * height only.
 */
export class TieLimit {
  #height = -1;
  /** Hashes of the heads at that height that gave way to another one. */
  readonly #left = new Set<string>();

  /** Whether one more branch that is as long as ours may take its place. */
  allows({ height, hash }: BlockRef): boolean {
    return height !== this.#height || (this.#left.size < MAX_TIES && !this.#left.has(hash));
  }

  /** A branch took the place of one that ended at the same height. @param left - the head that gave way. */
  taken({ height, hash }: BlockRef): void {
    if (height !== this.#height) this.#left.clear();
    this.#height = height;
    this.#left.add(hash);
  }
}
