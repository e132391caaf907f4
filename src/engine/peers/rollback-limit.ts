import { SyncError } from '../../errors/index.js';

/** Rollbacks that nothing replaced which a peer may tell within the window. */
const MAX_HELD = 10;
const WINDOW_MS = 60_000;

/** Counts the rollbacks of one peer that nothing replaced: each costs this node work, and nothing comes of it. */
export class RollbackLimit {
  readonly #now: () => number;
  #heldMs: number[] = [];
  /** Of those, how many may still be replaced. */
  #open = 0;

  /** @param now - milliseconds on a monotonic clock. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @throws SyncError `PEER_INCONSISTENT` when there were too many. */
  held(): void {
    const now = this.#now();
    this.#heldMs = [...this.#heldMs.filter((ms) => ms > now - WINDOW_MS), now];
    this.#open += 1;
    if (this.#heldMs.length <= MAX_HELD) return;
    const message = `The peer took blocks back ${this.#heldMs.length} times within ${WINDOW_MS / 1000} s, and replaced none of them.`;
    throw new SyncError('PEER_INCONSISTENT', message);
  }

  /** The last ones were replaced after all. */
  replaced(): void {
    this.#heldMs.splice(this.#heldMs.length - Math.min(this.#open, this.#heldMs.length));
    this.#open = 0;
  }
}
