import type { Run } from './runs.js';

/** How many records are read at once. */
export const READ_AHEAD = 16;

/** How many are kept: those of several readers, each at its own height. */
const MOST_KEPT = 4 * READ_AHEAD;

/** A record that was read, and what it says. */
export interface RunAhead {
  readonly first: number;
  readonly open: () => Run;
}

/**
 * Records of runs that follow each other. Who asks for a tile mostly asks for the next ones: a search for each of them takes
 * longer than to read some at once. What a record says is read when it is asked for.
 */
export class RunsAhead {
  readonly #kept = new Map<number, RunAhead>();
  #reading: Promise<void> | null = null;
  #generation = 0;

  /**
   * The run that begins at a height; `null` when none is found there.
   *
   * @param read - gives the records from that height on.
   */
  async at(height: number, read: () => Promise<readonly RunAhead[]>): Promise<Run | null> {
    // Those who ask at about the same time mostly ask for what the first of them reads.
    while (!this.#kept.has(height) && this.#reading !== null) await this.#reading;
    if (!this.#kept.has(height)) await this.#read(read);
    return this.#kept.get(height)?.open() ?? null;
  }

  /** To be called before and after runs are replaced. */
  forget(): void {
    this.#kept.clear();
    this.#generation += 1;
  }

  async #read(read: () => Promise<readonly RunAhead[]>): Promise<void> {
    const reading = this.#keep(read);
    const settled = reading
      .catch(() => undefined)
      .finally(() => {
        if (this.#reading === settled) this.#reading = null;
      });
    this.#reading = settled;
    await reading;
  }

  async #keep(read: () => Promise<readonly RunAhead[]>): Promise<void> {
    const generation = this.#generation;
    const runs = await read();
    // What was read while runs were replaced may be from before that.
    if (generation !== this.#generation) return;
    for (const run of runs) {
      this.#kept.delete(run.first);
      this.#kept.set(run.first, run);
    }
    for (const [oldest] of this.#kept) {
      if (this.#kept.size <= MOST_KEPT) return;
      this.#kept.delete(oldest);
    }
  }
}
