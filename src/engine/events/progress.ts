import type { SyncProgress } from './events.js';

/** Weight of the past halves every this many milliseconds: long enough to be calm, short enough to follow a changed line. */
const HALF_LIFE_MS = 3000;

/** Counts what was made durable and estimates speed and arrival. */
export class ProgressMeter {
  readonly #now: () => number;
  readonly #startedMs: number;
  #lastMs: number;
  #height: number | null = null;
  #head: number | null = null;
  #blocks = 0;
  #bytes = 0;
  #blockRate: number | null = null;
  #byteRate: number | null = null;
  #sinceBlocks = 0;
  #sinceBytes = 0;

  /** @param now - milliseconds on a monotonic clock. */
  constructor(now: () => number) {
    this.#now = now;
    this.#startedMs = now();
    this.#lastMs = this.#startedMs;
  }

  /** Sets where the node is and where it goes; `null` for unknown. */
  place(height: number | null, head: number | null): void {
    this.#height = height;
    this.#head = head;
  }

  /** Counts durable blocks and their encoded bytes. */
  add(blocks: number, bytes: number, height: number): void {
    this.#height = height;
    if (this.#head !== null && this.#head < height) this.#head = height;
    this.#blocks += blocks;
    this.#bytes += bytes;
    this.#sinceBlocks += blocks;
    this.#sinceBytes += bytes;
  }

  /** Takes the present figures; the time since the last call goes into the rates. */
  sample(): SyncProgress {
    this.#updateRates();
    return this.current();
  }

  /** The figures as of the last sample. */
  current(): SyncProgress {
    const blocksPerSecond = this.#blockRate ?? 0;
    return {
      height: this.#height,
      head: this.#head,
      blocks: this.#blocks,
      bytes: this.#bytes,
      blocksPerSecond,
      bytesPerSecond: this.#byteRate ?? 0,
      etaMs: this.#eta(blocksPerSecond),
    };
  }

  #updateRates(): void {
    const now = this.#now();
    const elapsed = now - this.#lastMs;
    if (elapsed < 1) return;
    const keep = 0.5 ** (elapsed / HALF_LIFE_MS);
    const mix = (old: number | null, count: number): number => {
      const rate = (count / elapsed) * 1000;
      return old === null ? rate : old * keep + rate * (1 - keep);
    };
    this.#blockRate = mix(this.#blockRate, this.#sinceBlocks);
    this.#byteRate = mix(this.#byteRate, this.#sinceBytes);
    this.#sinceBlocks = 0;
    this.#sinceBytes = 0;
    this.#lastMs = now;
  }

  #eta(blocksPerSecond: number): number | null {
    if (this.#head === null) return null;
    const left = this.#head - (this.#height ?? -1);
    if (left <= 0) return 0;
    return blocksPerSecond > 0 ? Math.round((left / blocksPerSecond) * 1000) : null;
  }
}
