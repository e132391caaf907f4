import type { TileEntry } from '../contracts/index.js';

/** What a block costs beside its bytes, in bytes. */
const BLOCK_COST = 1536;

/** After so much work the first thread is worth its start: 0.1 to 0.2 s, which is what one takes to become quick. */
const FIRST_THREAD_COST = 64 * 1024 * 1024;
/** After so much more, the next. */
const NEXT_THREAD_COST = 32 * 1024 * 1024;

/** After so long without a tile it begins anew. */
const FORGET_MS = 10_000;

/** Settings of a {@link ThreadRamp}. */
export interface RampSettings {
  /** Threads. */
  readonly most: number;
  /** Of the work that comes before the first of them, in bytes. Default 64 MiB. */
  readonly firstCost?: number | undefined;
  /** The time, in milliseconds. */
  readonly now?: () => number;
}

/** Tells how many threads the tiles that have come are worth: more will come where many have. */
export class ThreadRamp {
  readonly #most: number;
  readonly #firstCost: number;
  readonly #now: () => number;
  #cost = 0;
  #lastAt = -Infinity;

  constructor({ most, firstCost = FIRST_THREAD_COST, now = () => performance.now() }: RampSettings) {
    this.#most = most;
    this.#firstCost = firstCost;
    this.#now = now;
  }

  /** Takes note of a tile. */
  add({ from, to, documentBytes }: TileEntry): void {
    const now = this.#now();
    if (now - this.#lastAt > FORGET_MS) this.#cost = 0;
    this.#lastAt = now;
    this.#cost += documentBytes + (to - from + 1) * BLOCK_COST;
  }

  /** How many threads there may be now. */
  get threads(): number {
    const beyond = this.#cost - this.#firstCost;
    return beyond < 0 ? 0 : Math.min(this.#most, 1 + Math.floor(beyond / NEXT_THREAD_COST));
  }
}
