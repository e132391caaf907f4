/** Bytes that may be held at once by several holders, and a call to all of them when some are given back. */
export class Budget {
  readonly #limit: number;
  readonly #onRelease = new Set<() => void>();
  #held = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether no more should be taken. */
  get full(): boolean {
    return this.#held >= this.#limit;
  }

  take(bytes: number): void {
    this.#held += bytes;
  }

  release(bytes: number): void {
    this.#held -= bytes;
    for (const notify of this.#onRelease) notify();
  }

  /** Calls back after each release until the returned function is called. */
  watch(onRelease: () => void): () => void {
    this.#onRelease.add(onRelease);
    return () => {
      this.#onRelease.delete(onRelease);
    };
  }
}
