/** How often something was done, and how long it took: two plain numbers, so that counting costs nothing. */
export class Timing {
  count = 0;
  /** In milliseconds. */
  ms = 0;

  add(ms: number): void {
    this.count += 1;
    this.ms += ms;
  }

  /** Takes in what another one has counted. */
  merge({ count, ms }: Timing): void {
    this.count += count;
    this.ms += ms;
  }
}

/** Counts by name. */
export class Counts<K extends string = string> {
  readonly #counts = new Map<K, number>();

  add(name: K, count = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  merge(other: Counts<K>): void {
    for (const [name, count] of other.entries()) this.add(name, count);
  }

  entries(): readonly (readonly [K, number])[] {
    return [...this.#counts];
  }
}
