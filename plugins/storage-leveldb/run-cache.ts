import { rangeOf, type Run } from './runs.js';

/**
 * The run that was read last: blocks that are read one by one, as by a subscriber, mostly lie side by side. A run's
 * record never changes but by a rollback, or when a tile takes its place.
 */
export class RunCache {
  #run: Run | null = null;
  #generation = 0;

  /** The run with a height: the one that is kept, or what is read. */
  async of(height: number, read: () => Promise<Run | null>): Promise<Run | null> {
    if (this.#run !== null && has(this.#run, height)) return this.#run;
    const generation = this.#generation;
    const run = await read();
    // What was read while runs were replaced may be from before that.
    if (run !== null && generation === this.#generation) this.#run = run;
    return run;
  }

  /** To be called before and after runs are replaced. */
  forget(): void {
    this.#run = null;
    this.#generation += 1;
  }
}

function has(run: Run, height: number): boolean {
  const { from, to } = rangeOf(run);
  return from <= height && height <= to;
}
