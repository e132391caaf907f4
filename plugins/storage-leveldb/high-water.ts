import type { FileHandle } from 'node:fs/promises';
import { openMark, readMark, writeMark } from './files.js';

/** How often the mark is written at most, in milliseconds: it costs one small synced write. It is never older. */
const INTERVAL_MS = 1000;

/** A mark that is so many blocks behind is written at once. */
const NOTE_BLOCKS = 2_048;

/**
 * The mark is never more blocks behind what was acknowledged: a commit waits for it. So many blocks at most can go
 * missing unnoticed, whatever the rate, when the process is killed and the log is lost as well.
 */
const MAX_BEHIND_BLOCKS = 4_096;

/**
 * Notes outside LevelDB how far the store had got.
 *
 * A log that lost its end opens without an error as a shorter store; only something outside can tell that there was
 * more. The mark is never ahead of what is durable.
 */
export class HighWater {
  readonly #location: string;
  /** Open from the first write on. */
  #file: FileHandle | null = null;
  #lastMs = -Infinity;
  #writing: Promise<void> = Promise.resolve();
  #written = -1;
  #timer: NodeJS.Timeout | null = null;
  #height = -1;
  /** The height that is being written or was written last. */
  #noted = -1;

  constructor(location: string) {
    this.#location = location;
  }

  /** The height noted before this start; `null` when none was. */
  async read(): Promise<number | null> {
    const noted = await readMark(this.#location);
    this.#written = noted ?? -1;
    this.#height = this.#written;
    this.#noted = this.#written;
    return noted;
  }

  /**
   * Notes a durable height soon; resolves at once unless the mark is too far behind. A mark that can't be written only
   * makes the next check weaker.
   */
  async advance(height: number): Promise<void> {
    this.#height = height;
    if (height - this.#noted >= NOTE_BLOCKS) this.#noteNow();
    else this.#noteSoon();
    if (height - this.#written > MAX_BEHIND_BLOCKS) await this.#writing;
  }

  #noteNow(): void {
    this.#lastMs = performance.now();
    this.#flush().catch(() => undefined);
  }

  #noteSoon(): void {
    if (this.#timer !== null || this.#height === this.#written) return;
    const waitMs = this.#lastMs + INTERVAL_MS - performance.now();
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#noteNow();
      },
      Math.max(0, waitMs),
    );
    this.#timer.unref();
  }

  /** Notes a lower height now, before the blocks above it are dropped. */
  async lower(height: number): Promise<void> {
    this.#height = height;
    this.#written = -2;
    await this.#flush();
  }

  /** Resolves when the height is noted; nothing is written afterwards. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    try {
      await this.#flush();
    } finally {
      await this.#file?.close();
      this.#file = null;
    }
  }

  #flush(): Promise<void> {
    this.#noted = this.#height;
    const next = this.#writing.then(async () => {
      const height = this.#height;
      this.#noted = height;
      if (height === this.#written) return;
      this.#file ??= await openMark(this.#location, height);
      await writeMark(this.#file, height);
      this.#written = height;
    });
    this.#writing = next.catch(() => undefined);
    return next;
  }
}
