import type { Frame } from '../contracts/index.js';

/** Bounds of a {@link BatchWriter}. */
export interface BatchLimits {
  /** Blocks in one commit at most. */
  readonly maxBatchBlocks: number;
  /** Encoded bytes that may wait for a commit before `push` makes the caller wait. */
  readonly maxPendingBytes: number;
}

/**
 * Group commit: while one batch is being written, the next one gathers, so that a slow disk gets large batches and a
 * fast one gets small ones, with one write in flight and bounded bytes waiting.
 *
 * A commit costs as much processor time as a hundred small blocks, whatever is in it: while many are due, the next one
 * is given some time to gather in any case.
 */
export class BatchWriter {
  readonly #commit: (frames: readonly Frame[]) => Promise<void>;
  readonly #limits: BatchLimits;
  #pending: Frame[] = [];
  #pendingBytes = 0;
  /** How long at most, in milliseconds, the next batch gathers when a commit is over; 0 where each block counts. */
  gatherMs: number;
  #writing: Promise<void> | null = null;
  /** Ends the gathering that is under way. */
  #hurry: () => void = () => undefined;
  /** Calls of `flush` that wait. */
  #flushing = 0;
  #failure: { readonly error: unknown } | null = null;

  constructor(commit: (frames: readonly Frame[]) => Promise<void>, limits: BatchLimits, gatherMs = 0) {
    this.#commit = commit;
    this.#limits = limits;
    this.gatherMs = gatherMs;
  }

  /** Takes frames; resolves when there is room for more. Rejects with the failure of an earlier commit. */
  async push(frames: readonly Frame[]): Promise<void> {
    this.#rethrow();
    if (frames.length === 0) return;
    for (const frame of frames) {
      this.#pending.push(frame);
      this.#pendingBytes += frame.bytes.byteLength;
    }
    this.#writing ??= this.#drain();
    if (this.#isEnough()) this.#hurry();
    while (this.#isFull() && this.#failure === null) await this.#writing;
    this.#rethrow();
  }

  /** Resolves when everything taken is durable. */
  async flush(): Promise<void> {
    if (this.#pending.length > 0) this.#writing ??= this.#drain();
    this.#flushing += 1;
    this.#hurry();
    await this.#writing;
    this.#flushing -= 1;
    this.#rethrow();
  }

  #isFull(): boolean {
    return this.#writing !== null && this.#pendingBytes >= this.#limits.maxPendingBytes;
  }

  async #drain(): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        const batch = this.#pending.splice(0, this.#limits.maxBatchBlocks);
        for (const frame of batch) this.#pendingBytes -= frame.bytes.byteLength;
        await this.#commit(batch);
        await this.#gather();
      }
    } catch (error) {
      this.#failure = { error };
      this.#pending = [];
      this.#pendingBytes = 0;
    } finally {
      this.#writing = null;
    }
  }

  async #gather(): Promise<void> {
    if (this.gatherMs === 0 || this.#flushing > 0 || this.#isEnough()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.gatherMs);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Whether gathering longer would gain nothing, or make whoever brings more wait. */
  #isEnough(): boolean {
    const { maxBatchBlocks, maxPendingBytes } = this.#limits;
    return this.#pending.length >= maxBatchBlocks || this.#pendingBytes >= maxPendingBytes / 2;
  }

  #rethrow(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }
}
