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
 */
export class BatchWriter {
  readonly #commit: (frames: readonly Frame[]) => Promise<void>;
  readonly #limits: BatchLimits;
  readonly #onFailure: (error: unknown) => void;
  #pending: Frame[] = [];
  #pendingBytes = 0;
  #writing: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  /** @param onFailure - runs at once when a commit fails; `push` and `flush` reject with it from then on. */
  constructor(
    commit: (frames: readonly Frame[]) => Promise<void>,
    limits: BatchLimits,
    onFailure: (error: unknown) => void = () => undefined,
  ) {
    this.#commit = commit;
    this.#limits = limits;
    this.#onFailure = onFailure;
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
    while (this.#isFull() && this.#failure === null) await this.#writing;
    this.#rethrow();
  }

  /** Resolves when everything taken is durable. */
  async flush(): Promise<void> {
    if (this.#pending.length > 0) this.#writing ??= this.#drain();
    await this.#writing;
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
      }
    } catch (error) {
      this.#failure = { error };
      this.#pending = [];
      this.#pendingBytes = 0;
      this.#onFailure(error);
    } finally {
      this.#writing = null;
    }
  }

  #rethrow(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }
}
