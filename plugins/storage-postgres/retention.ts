import type { Moment } from './store-row.js';

/** Moments that are remembered, spread over the time that rows are kept. */
const SAMPLES = 16;

interface Sample {
  readonly at: number;
  readonly moment: Moment;
}

/** Knows until when rows that are not visible any more are kept: for a time, and for those who read an older moment. */
export class Retention {
  readonly #retainMs: number;
  readonly #held = new Map<number, number>();
  #samples: readonly Sample[] = [];

  constructor(retainMs: number) {
    this.#retainMs = retainMs;
  }

  /** Tells what the store is at a time. */
  note(moment: Moment, now: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && now - last.at < this.#retainMs / (SAMPLES - 2)) return;
    this.#samples = [...this.#samples.slice(1 - SAMPLES), { at: now, moment }];
  }

  /** Keeps the rows of a moment until the function that it gives is called. */
  hold({ version }: Moment): () => void {
    this.#count(version, 1);
    let isHeld = true;
    return () => {
      if (isHeld) this.#count(version, -1);
      isHeld = false;
    };
  }

  /** The newest moment that is old enough, and not newer than any that is held; `null` while there is none. */
  horizon(now: number): Moment | null {
    const oldest = Math.min(...this.#held.keys());
    const old = this.#samples.filter(
      ({ at, moment }) => at <= now - this.#retainMs && moment.version <= oldest,
    );
    return old.at(-1)?.moment ?? null;
  }

  #count(version: number, by: number): void {
    const count = (this.#held.get(version) ?? 0) + by;
    if (count === 0) this.#held.delete(version);
    else this.#held.set(version, count);
  }
}
