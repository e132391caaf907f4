import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Place,
  type PlaceSum,
  segmentName,
  type SegmentSizes,
  type SegmentUse,
  segmentSizes,
  type SegmentUses,
} from './segment-files.js';
import { SegmentReader } from './segment-reader.js';
import { type Placed, SegmentWriter } from './segment-writer.js';

/** See `replaced`. */
const LEFT_AFTER_BYTES = 8 * 1024 * 1024;

/**
 * The frames, or the tiles, of some contents: files that are only added to. Which of their bytes count is said by the
 * runs in LevelDB alone. So records are written before the batch that names them, and a file is removed after the one
 * that no longer names any of it.
 */
export class Segments {
  readonly #path: string;
  readonly #reader: SegmentReader;
  readonly #writer: SegmentWriter;
  /** What counts of the segments. */
  readonly #live = new Map<number, SegmentUse>();
  /** Bytes that were replaced in the file that is written to. */
  #unusedBytes = 0;
  #pins = 0;
  /** Segments that no record names any more, which a read of an earlier moment may still need. */
  #dropped: readonly number[] = [];
  #removing: Promise<void> = Promise.resolve();

  /** @param path - the directory of the files. */
  constructor(path: string) {
    this.#path = path;
    this.#reader = new SegmentReader(this.#path);
    this.#writer = new SegmentWriter(this.#path);
  }

  /** The directory of the files. */
  get path(): string {
    return this.#path;
  }

  /** What there is on the disk. */
  sizes(): Promise<SegmentSizes> {
    return segmentSizes(this.#path);
  }

  /** Bytes of the records that count. */
  get usedBytes(): number {
    return [...this.#live.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Bytes between and behind them, in the files that have any. */
  get unusedBytes(): number {
    return [...this.#live.values()].reduce((sum, { end, bytes }) => sum + end - bytes, 0);
  }

  /** Writes what comes next to another file. */
  leaveFile(): Promise<void> {
    return this.#writer.leave([this.#writer.segment]);
  }

  /** Takes note of what counts. */
  count(used: SegmentUses): void {
    for (const [segment, use] of used) this.#live.set(segment, use);
  }

  /**
   * Goes on behind the records that count, and cuts or removes what a crash or a rollback left behind them. That it is
   * gone is not needed: it is written over, or stays unused.
   */
  async resume(used: SegmentUses): Promise<void> {
    this.count(used);
    const sizes = await this.sizes();
    const segment = Math.max(0, ...used.keys());
    const end = used.get(segment)?.end ?? 0;
    this.#writer.resume({ segment, end }, Math.max(segment, ...sizes.keys()));
    for (const [number, size] of sizes) {
      const counts = used.get(number)?.end ?? 0;
      if (counts < size) await this.#cut(number, counts).catch(() => undefined);
    }
  }

  /** Says where records of these lengths come when they are written next. */
  place(lengths: readonly number[]): readonly Place[] {
    return this.#writer.place(lengths);
  }

  /** Writes records where they were placed last. @param sync - whether they are durable when it resolves. */
  async append(placed: Placed, sync: boolean): Promise<void> {
    await this.#writer.append(placed, sync);
    for (const place of placed.places) this.#use(place);
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

  /**
   * Takes note that records no longer count. A file of which none does is removed when no read needs it; what can't be
   * removed now is removed at the next start.
   */
  async free(sums: readonly PlaceSum[]): Promise<void> {
    for (const sum of sums) this.#unuse(sum);
    const unused = [...this.#live].flatMap(([segment, { records }]) => (records > 0 ? [] : [segment]));
    for (const segment of unused) this.#live.delete(segment);
    this.#dropped = [...this.#dropped, ...unused];
    await this.#writer.leave(unused).catch(() => undefined);
    this.#removeDropped();
  }

  /**
   * As {@link free}, of records that something took the place of. When much of the file that is written to is of no use
   * any more, what comes next goes to another: so the first is soon of no use at all, and removed.
   */
  async replaced(sums: readonly PlaceSum[]): Promise<void> {
    const { segment } = this.#writer;
    for (const sum of sums) this.#unusedBytes += sum.segment === segment ? sum.bytes : 0;
    if (this.#unusedBytes >= LEFT_AFTER_BYTES) {
      this.#unusedBytes = 0;
      await this.leaveFile().catch(() => undefined);
    }
    await this.free(sums);
  }

  /** Resolves when the reads under way have ended and all files are closed. */
  async close(): Promise<void> {
    await this.#reader.close();
    await this.#removing;
    await this.#writer.close();
  }

  #use({ segment, offset, bytes }: Place): void {
    const use = this.#live.get(segment) ?? { end: 0, records: 0, bytes: 0 };
    const end = Math.max(use.end, offset + bytes);
    this.#live.set(segment, { end, records: use.records + 1, bytes: use.bytes + bytes });
  }

  #unuse({ segment, records, bytes }: PlaceSum): void {
    const use = this.#live.get(segment) ?? { end: 0, records: 0, bytes: 0 };
    this.#live.set(segment, { ...use, records: use.records - records, bytes: use.bytes - bytes });
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
