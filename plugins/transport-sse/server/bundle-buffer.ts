import type { Frame } from '../../../src/contracts/index.js';
import { blockEventLength, writeBlockEvent } from './format.js';

/** Of memory that is used less than this, what is used is copied out. */
const WORTH_KEEPING = 7 / 8;

/** Events one after the other in one piece of memory. */
export class BundleBuffer {
  readonly #capacity: number;
  #buffer = Buffer.alloc(0);
  #used = 0;

  /** @param capacity - bytes that are made room for at first; a larger event makes its own. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Bytes that were added. */
  get bytes(): number {
    return this.#used;
  }

  /** Adds a `block` event. @throws SyncError `BLOCK_MALFORMED`; nothing is added then */
  add(block: Pick<Frame, 'header' | 'codec' | 'bytes'>): void {
    this.#makeRoom(blockEventLength(block));
    this.#used = writeBlockEvent(this.#buffer, this.#used, block);
  }

  /** All of it. Nothing is added afterwards. */
  whole(): Uint8Array {
    const whole = this.#buffer.subarray(0, this.#used);
    return this.#used < this.#buffer.length * WORTH_KEEPING ? new Uint8Array(whole) : whole;
  }

  #makeRoom(length: number): void {
    const needed = this.#used + length;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#capacity));
    this.#buffer.copy(larger, 0, 0, this.#used);
    this.#buffer = larger;
  }
}
