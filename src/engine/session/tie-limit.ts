/** Branches of equal length that are switched to at one height. */
const MAX_TIES = 8;

/** Two branches of equal length could be switched between for ever: so it is done a few times for each height only. */
export class TieLimit {
  #height = -1;
  #count = 0;

  /** Whether one more branch that is as long as ours may take its place. */
  allows(height: number): boolean {
    return height !== this.#height || this.#count < MAX_TIES;
  }

  /** A branch took the place of one that ended at the same height. */
  taken(height: number): void {
    this.#count = height === this.#height ? this.#count + 1 : 1;
    this.#height = height;
  }
}
