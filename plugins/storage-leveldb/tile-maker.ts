import { WriteQueue } from '../../src/internal/write-queue.js';
import type { StoreHandle } from './store-handle.js';
import { TileWork } from './tile-work.js';

/** While more bytes of frames came than this since the store was opened, and tiles are being made, blocks wait for them. */
const MAX_BEHIND_BYTES = 256 * 1024 * 1024;

/** When nothing was settled for so long, the store is tidied: what is little by little replaced is worth no more. */
const IDLE_MS = 1000;

/**
 * Turns settled blocks into tiles, one after the other, beside what else the store does. When there is nothing to do, and
 * when the store is closed, it tidies what the tiles have left.
 */
export class TileMaker {
  readonly #handle: StoreHandle;
  readonly #work: TileWork;
  readonly #jobs = new WriteQueue();
  #settled = -1;
  #isDigested = false;
  /** Making what is due. */
  #making: Promise<void> | null = null;
  /** The tile that is being made. */
  #step: Promise<void> = Promise.resolve();
  #idle: NodeJS.Timeout | null = null;
  /** Bytes of frames that there were when the store was opened. */
  #framesBefore = 0;
  #isClosing = false;

  /** @param writes - of the store, among which tiles wait their turn. */
  constructor(handle: StoreHandle, writes: WriteQueue) {
    this.#handle = handle;
    this.#work = new TileWork(handle, writes);
  }

  /** How many it has made since the store was opened. */
  get made(): number {
    return this.#work.made;
  }

  /** Makes the tiles that are decided up to a height. Resolves when they are durable, or the store is closed. */
  async settle(height: number, isDigested: boolean): Promise<void> {
    this.#handle.use();
    this.#settled = Math.max(this.#settled, height);
    this.#isDigested = isDigested;
    this.#cancelTidying();
    this.#making ??= this.#jobs
      .run(() => this.#makeAll())
      .finally(() => {
        this.#making = null;
        this.#tidySoon();
      });
    await this.#making;
  }

  /** Begins anew with a store that was opened. */
  open(): void {
    this.#settled = -1;
    this.#work.made = 0;
    this.#isClosing = false;
    this.#framesBefore = this.#handle.use().contents.segments.usedBytes;
  }

  /**
   * Resolves when the tile that is being made is; `null` unless tiles are far behind what comes. Who adds blocks waits for
   * it, so that frames don't fill the disk.
   */
  get behind(): Promise<void> | null {
    const { opened } = this.#handle;
    if (opened === null || this.#making === null) return null;
    const bytes = opened.contents.segments.usedBytes - this.#framesBefore;
    return bytes < MAX_BEHIND_BYTES ? null : this.#step;
  }

  /** Takes note that the blocks above a height were dropped: those that come in their place are not settled. */
  back(height: number): void {
    this.#settled = Math.min(this.#settled, height);
  }

  /** Ends after the tile that is being made. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#cancelTidying();
    await this.#jobs.idle();
    if (this.#handle.opened !== null && this.#handle.isWhole) await this.#tidy();
    await this.#work.close();
  }

  async #makeAll(): Promise<void> {
    for (let isDue = true; isDue && !this.#isClosing;) {
      const step = this.#work.next(this.#settled, this.#isDigested);
      this.#step = step.then(
        () => undefined,
        () => undefined,
      );
      isDue = await step;
    }
  }

  #tidySoon(): void {
    if (this.#isClosing) return;
    this.#cancelTidying();
    this.#idle = setTimeout(() => void this.#tidy(), IDLE_MS).unref();
  }

  #cancelTidying(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
  }

  /** A failure changes nothing: the next write says it. */
  #tidy(): Promise<void> {
    return this.#jobs.run(() => this.#work.tidy(this.#settled)).catch(() => undefined);
  }
}
