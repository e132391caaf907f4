/** Bounds of a {@link Sizer}. */
export interface SizerOptions {
  /** Blocks of the first range. */
  readonly firstBlocks: number;
  /** Bytes of documents that a range should have. */
  readonly targetBytes: number;
}

/** A range is at most so many times as long as the one before, whatever the first blocks were like. */
const MAX_GROWTH = 8;

/** Says how many blocks to ask for, by what blocks weighed lately. */
export class Sizer {
  readonly #targetBytes: number;
  #last: number;
  #blocks = 0;
  #bytes = 0;

  constructor({ firstBlocks, targetBytes }: SizerOptions) {
    this.#targetBytes = targetBytes;
    this.#last = firstBlocks;
  }

  /** Takes note of blocks that came. */
  measured(blocks: number, bytes: number): void {
    this.#blocks += blocks;
    this.#bytes += bytes;
    // What came lately counts most: the old half of what is remembered weighs half.
    if (this.#bytes < this.#targetBytes * 2) return;
    this.#blocks /= 2;
    this.#bytes /= 2;
  }

  /** Bytes that so many blocks are likely to have. */
  bytesOf(blocks: number): number {
    return this.#blocks === 0 ? 0 : (this.#bytes / this.#blocks) * blocks;
  }

  /** Blocks of the next range. */
  next(maxBlocks: number): number {
    if (this.#bytes > 0) {
      const wanted = Math.floor((this.#targetBytes * this.#blocks) / this.#bytes);
      this.#last = Math.max(1, Math.min(wanted, this.#last * MAX_GROWTH));
    }
    return Math.min(this.#last, maxBlocks);
  }
}
