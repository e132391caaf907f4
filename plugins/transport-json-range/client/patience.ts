/** How long a silent request is waited for before the same is asked for once more. */
export class Patience {
  readonly #leastMs: number;
  #ms: number;

  constructor(leastMs: number) {
    this.#leastMs = leastMs;
    this.#ms = leastMs;
  }

  get ms(): number {
    return this.#ms;
  }

  /** The second request brought nothing before the first one did: the peer is slow, and a second one makes it slower. */
  inVain(): void {
    this.#ms *= 2;
  }

  /** The second request was the faster one. */
  rewarded(): void {
    this.#ms = this.#leastMs;
  }
}
