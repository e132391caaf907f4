import { readMark, writeMark } from './files.js';

/** How often the mark is written at most, in milliseconds: it costs one small synced file. It is never older. */
const INTERVAL_MS = 1000;

/**
 * Notes outside LevelDB how far the store had got.
 *
 * A log that lost its end opens without an error as a shorter store; only something outside can tell that there was
 * more. The mark is never ahead of what is durable.
 */
export class HighWater {
  readonly #location: string;
  #lastMs = -Infinity;
  #writing: Promise<void> = Promise.resolve();
  #written = -1;
  #timer: NodeJS.Timeout | null = null;
  #height = -1;

  constructor(location: string) {
    this.#location = location;
  }

  /** The height noted before this start; `null` when none was. */
  async read(): Promise<number | null> {
    const noted = await readMark(this.#location);
    this.#written = noted ?? -1;
    this.#height = this.#written;
    return noted;
  }

  /** Notes a durable height soon. A mark that can't be written only makes the next check weaker. */
  advance(height: number): void {
    this.#height = height;
    if (this.#timer !== null || height === this.#written) return;
    const waitMs = this.#lastMs + INTERVAL_MS - performance.now();
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#lastMs = performance.now();
        this.#flush().catch(() => undefined);
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
  close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    return this.#flush();
  }

  #flush(): Promise<void> {
    const next = this.#writing.then(async () => {
      const height = this.#height;
      if (height === this.#written) return;
      await writeMark(this.#location, height);
      this.#written = height;
    });
    this.#writing = next.catch(() => undefined);
    return next;
  }
}
