import type { BlockRef, ChainChange } from '../../../src/contracts/index.js';

/** A rollback that was seen in the blocks is reported to the listener within this time. */
const REPORT_WAIT_MS = 1_000;

/** What one stream has heard from its source and not dealt with yet. */
export class Changes {
  readonly #signal: AbortSignal;
  #isNew = false;
  #rollback: BlockRef | null = null;
  #resume: (() => void) | null = null;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Whether there was any since {@link seen}. */
  get isNew(): boolean {
    return this.#isNew;
  }

  /** Nothing is new any more. */
  seen(): void {
    this.#isNew = false;
  }

  /** Whether a rollback was reported: what was read before is not to be sent. */
  isRolledBack(): boolean {
    return this.#rollback !== null;
  }

  hear(change: ChainChange): void {
    if (change.kind === 'rollback' && change.to.height < (this.#rollback?.height ?? Infinity)) {
      this.#rollback = change.to;
    }
    this.wake();
  }

  wake(): void {
    this.#isNew = true;
    this.#resume?.();
    this.#resume = null;
  }

  /** The lowest block that was rolled back to since this was last called. */
  takeRollback(): BlockRef | null {
    const to = this.#rollback;
    this.#rollback = null;
    return to;
  }

  /**
   * Blocks and their roll-back can be seen before they are reported; only the report says how far it went.
   *
   * @returns whether one came in time.
   */
  async rollbackReported(): Promise<boolean> {
    const wait = { expired: false };
    const timer = setTimeout(() => {
      wait.expired = true;
      this.wake();
    }, REPORT_WAIT_MS);
    try {
      while (!this.isRolledBack() && !wait.expired && !this.#signal.aborted) await this.#next();
    } finally {
      clearTimeout(timer);
    }
    return this.isRolledBack();
  }

  /** Waits for the next change, or for none when there was one since the last time. */
  async #next(): Promise<void> {
    if (!this.#isNew && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
    }
    this.#isNew = false;
  }
}
