import type { BlockRef } from '../../../src/contracts/index.js';
import type { BundleRun } from './bundle-run.js';
import { SharedTimeout, type Waiter } from './heartbeats.js';

/** Most that are held; each holds a batch of the source at most. */
const MAX_RUNS = 32;
/** A stream that is slower than this has its blocks read anew. */
const IDLE_MS = 10_000;

/** A run, and how long it may wait. */
interface Parked extends Waiter {
  readonly run: BundleRun;
}

/** Reads that made a bundle and can go on with the next one, for the stream that gets there first. */
export class ParkedRuns {
  /** By the height that they go on at, the oldest first. */
  readonly #parked = new Map<number, Parked>();
  readonly #idle: SharedTimeout;

  /** @param idleMs - a read that nobody goes on with is let go after this time. */
  constructor(idleMs = IDLE_MS) {
    this.#idle = new SharedTimeout(idleMs);
  }

  add(run: BundleRun): void {
    if (run.isSpent) {
      run.close();
      return;
    }
    this.#drop(this.#parked.get(run.next));
    const parked: Parked = {
      run,
      until: 0,
      expired: () => {
        this.#drop(parked);
      },
    };
    this.#parked.set(run.next, parked);
    this.#idle.start(parked);
    if (this.#parked.size > MAX_RUNS) this.#drop(this.#parked.values().next().value);
  }

  /** Takes out the one that goes on at a height and reads up to another; `null` when there is none. */
  take(from: number, to: number): BundleRun | null {
    const parked = this.#parked.get(from);
    if (parked === undefined || parked.run.to < to) return null;
    this.#remove(parked);
    return parked.run;
  }

  /** Lets go of those that may hold or meet blocks that were rolled back. */
  rollback(to: BlockRef): void {
    for (const parked of this.#parked.values()) if (parked.run.to > to.height) this.#drop(parked);
  }

  close(): void {
    for (const parked of this.#parked.values()) this.#drop(parked);
  }

  #drop(parked: Parked | undefined): void {
    if (parked === undefined) return;
    this.#remove(parked);
    parked.run.close();
  }

  #remove(parked: Parked): void {
    this.#parked.delete(parked.run.next);
    this.#idle.stop(parked);
  }
}
