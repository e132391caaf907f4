import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Frame } from '../../src/contracts/index.js';
import { segmentName, SEGMENTS, type SegmentSizes, segmentSizes } from './segment-files.js';
import { SegmentReader } from './segment-reader.js';
import { type Placed, SegmentWriter } from './segment-writer.js';

/**
 * The frames of some contents: files that are only added to. Which of their bytes count is said by the runs in
 * LevelDB alone. So frames are written before the batch that names them, and removed after the one that no longer does.
 */
export class Segments {
  readonly #path: string;
  readonly #reader: SegmentReader;
  readonly #writer: SegmentWriter;
  #pins = 0;
  /** Segments that no record names any more, which a read of an earlier moment may still need. */
  #dropped: readonly number[] = [];
  #removing: Promise<void> = Promise.resolve();

  /** @param contents - the directory of the contents. */
  constructor(contents: string) {
    this.#path = join(contents, SEGMENTS);
    this.#reader = new SegmentReader(this.#path);
    this.#writer = new SegmentWriter(this.#path);
  }

  /** What there is on the disk. */
  sizes(): Promise<SegmentSizes> {
    return segmentSizes(this.#path);
  }

  /**
   * Goes on behind the frames that count, and cuts or removes what a crash or a rollback left behind them. That it is
   * gone is not needed: it is written over, or stays unused.
   *
   * @param used - how far each segment counts; those that don't are missing.
   */
  async resume(used: SegmentSizes): Promise<void> {
    const sizes = await this.sizes();
    const segment = Math.max(0, ...used.keys());
    this.#writer.resume({ segment, end: used.get(segment) ?? 0 }, Math.max(segment, ...sizes.keys()));
    for (const [number, size] of sizes) {
      const end = used.get(number) ?? 0;
      if (end < size) await this.#cut(number, end).catch(() => undefined);
    }
  }

  /** Says where frames come when they are written next. */
  place(frames: readonly Frame[]): Placed {
    return this.#writer.place(frames);
  }

  /** Writes frames where they were placed last. @param sync - whether they are durable when it resolves. */
  append(placed: Placed, sync: boolean): Promise<void> {
    return this.#writer.append(placed, sync);
  }

  /**
   * Keeps every segment until the function that it gives is called. Each read of LevelDB that goes on to a segment
   * begins with this.
   */
  pin(): () => void {
    let isHeld = true;
    this.#pins += 1;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#pins -= 1;
      this.#removeDropped();
    };
  }

  /** Bytes of a segment; fewer where it ends before. */
  read(segment: number, offset: number, length: number): Promise<Buffer> {
    return this.#reader.read(segment, offset, length);
  }

  /** Removes the segments above one, of which nothing counts any more, when no read needs them. */
  async dropAbove(segment: number): Promise<void> {
    this.#drop(await this.#writer.leaveAbove(segment));
  }

  /** The same for the segments between two that count. */
  dropBetween(low: number, high: number): void {
    const count = Math.max(0, high - low - 1);
    this.#drop(Array.from({ length: count }, (_, at) => low + 1 + at));
  }

  #drop(segments: readonly number[]): void {
    this.#dropped = [...new Set([...this.#dropped, ...segments])];
    this.#removeDropped();
  }

  /** Resolves when the reads under way have ended and all files are closed. */
  async close(): Promise<void> {
    await this.#reader.close();
    await this.#removing;
    await this.#writer.close();
  }

  async #cut(segment: number, end: number): Promise<void> {
    const path = join(this.#path, segmentName(segment));
    await (end === 0 ? rm(path) : truncate(path, end));
  }

  /** What can't be removed now is removed at the next start. */
  #removeDropped(): void {
    if (this.#pins > 0 || this.#dropped.length === 0) return;
    const dropped = this.#dropped;
    this.#dropped = [];
    this.#removing = this.#removing
      .then(async () => {
        for (const segment of dropped) {
          await this.#reader.forget(segment);
          await rm(join(this.#path, segmentName(segment)), { force: true });
        }
      })
      .catch(() => undefined);
  }
}
