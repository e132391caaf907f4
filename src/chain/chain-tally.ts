import { Timing } from '../internal/timing.js';

/** Of so many blocks one is timed: a clock that is read for each of them would be a cost of its own. */
const SAMPLE = 16;

/** What a chain has done since it was opened. */
export class ChainTally {
  /** Of every 16th block that came by itself: the processor's time for its bytes. */
  readonly decode = new Timing();
  /** Of the same blocks: for its hash, its place and its signature. */
  readonly verify = new Timing();
  /** Of each tile that was fetched: the time until it was checked, the wait for a thread included. */
  readonly tile = new Timing();
  /** Of each batch: the time until it was durable. */
  readonly commit = new Timing();
  #blocks = 0;

  /** Whether the next block is one that is timed. */
  takesTime(): boolean {
    this.#blocks += 1;
    return this.#blocks % SAMPLE === 1;
  }

  merge({ decode, verify, tile, commit }: ChainTally): void {
    this.decode.merge(decode);
    this.verify.merge(verify);
    this.tile.merge(tile);
    this.commit.merge(commit);
  }
}
