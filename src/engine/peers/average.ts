/** How much of the average a new value is. */
const WEIGHT = 0.3;

/** An average in which older values count less and less. */
export class Average {
  #value: number | null = null;

  /** `null` before the first value. */
  get value(): number | null {
    return this.#value;
  }

  add(value: number): void {
    this.#value = this.#value === null ? value : this.#value + WEIGHT * (value - this.#value);
  }
}
