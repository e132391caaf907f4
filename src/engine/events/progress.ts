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
    const rates = this.#ratesNow();
    if (rates !== null) {
      [this.#blockRate, this.#byteRate] = rates;
      this.#sinceBlocks = 0;
      this.#sinceBytes = 0;
      this.#lastMs = this.#now();
    }
    return this.current();
  }

  /** The figures as of the last sample. */
  current(): SyncProgress {
    return this.#figures(this.#blockRate, this.#byteRate);
  }

  /** The figures of this moment, which are no sample: later ones don't depend on whether somebody has looked. */
  present(): SyncProgress {
    return this.#figures(...(this.#ratesNow() ?? ([this.#blockRate, this.#byteRate] as const)));
  }

  #figures(blockRate: number | null, byteRate: number | null): SyncProgress {
    const blocksPerSecond = blockRate ?? 0;
    return {
      height: this.#height,
      head: this.#head,
      blocks: this.#blocks,
      bytes: this.#bytes,
      blocksPerSecond,
      bytesPerSecond: byteRate ?? 0,
      etaMs: this.#eta(blocksPerSecond),
    };
  }

  /** Rates of blocks and bytes with what came since the last sample; `null` when that was just now. */
  #ratesNow(): readonly [number, number] | null {
    const elapsed = this.#now() - this.#lastMs;
    if (elapsed < 1) return null;
    const keep = 0.5 ** (elapsed / HALF_LIFE_MS);
    const mix = (old: number | null, count: number): number => {
      const rate = (count / elapsed) * 1000;
      return old === null ? rate : old * keep + rate * (1 - keep);
    };
    return [mix(this.#blockRate, this.#sinceBlocks), mix(this.#byteRate, this.#sinceBytes)];
  }

  #eta(blocksPerSecond: number): number | null {
    if (this.#head === null) return null;
    const left = this.#head - (this.#height ?? -1);
    if (left <= 0) return 0;
    return blocksPerSecond > 0 ? Math.round((left / blocksPerSecond) * 1000) : null;
  }
}
