import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PRIVATE_DIRECTORY, PRIVATE_FILE } from '../../src/internal/private-mode.js';
import { syncDirectory } from '../../src/internal/node/replace-file.js';
import { type Place, segmentName } from './segment-files.js';
import { makeDirectory } from '../../src/internal/node/make-directory.js';

/** A segment that has as many bytes gets no more: what is written at once goes to one segment, so it may be longer. */
const SEGMENT_BYTES = 16 * 1024 * 1024;

/** Records that are to be written, and where they come. */
export interface Placed {
  readonly places: readonly Place[];
  /** The bytes of all records behind each other, in any pieces. */
  readonly parts: readonly Uint8Array[];
}

/** Writes records behind each other. One call at a time. */
export class SegmentWriter {
  readonly #path: string;
  #file: FileHandle | null = null;
  #segment = 0;
  #offset = 0;
  /** No file has a higher number: a number is never given twice while the contents are open. */
  #highest = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** The segment that is written to; 0 while there is none. */
  get segment(): number {
    return this.#segment;
  }

  /** Goes on behind what is there. */
  resume(last: { readonly segment: number; readonly end: number } | null, highest: number): void {
    this.#segment = last?.segment ?? 0;
    this.#offset = last?.end ?? 0;
    this.#highest = highest;
  }

  /** Says where records of these lengths come when they are written next; writes nothing. */
  place(lengths: readonly number[]): readonly Place[] {
    const isFull = this.#segment === 0 || this.#offset >= SEGMENT_BYTES;
    const segment = isFull ? this.#highest + 1 : this.#segment;
    let offset = isFull ? 0 : this.#offset;
    return lengths.map((bytes) => {
      const place = { segment, offset, bytes };
      offset += bytes;
      return place;
    });
  }

  /**
   * Writes records where they were placed last.
   *
   * @param sync - whether they, and the name of their file, are durable when it resolves.
   */
  async append({ places, parts }: Placed, sync: boolean): Promise<void> {
    const [first, last] = [places[0], places.at(-1)];
    if (first === undefined || last === undefined) return;
    const isNew = first.segment !== this.#segment;
    const file = await this.#enter(first.segment);
    await writeAll(file, parts, first.offset);
    this.#offset = last.offset + last.bytes;
    if (!sync) return;
    await file.datasync();
    if (!isNew) return;
    await syncDirectory(this.#path);
    await syncDirectory(dirname(this.#path));
  }

  /** Never writes to some segments again. */
  async leave(segments: readonly number[]): Promise<void> {
    if (!segments.includes(this.#segment)) return;
    await this.close();
    this.#segment = 0;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  async #enter(segment: number): Promise<FileHandle> {
    if (segment !== this.#segment) {
      // What was written without sync is spread over time in this way, rather than left to one long sync at the end.
      await this.#file?.datasync();
      await this.close();
      await makeDirectory(this.#path, PRIVATE_DIRECTORY);
      this.#highest = segment;
      this.#file = await open(join(this.#path, segmentName(segment)), 'wx', PRIVATE_FILE);
      this.#segment = segment;
    }
    return (this.#file ??= await open(join(this.#path, segmentName(segment)), 'r+'));
  }
}

/** A write may end early, as on a disk that becomes full; the next one then says why. */
async function writeAll(file: FileHandle, parts: readonly Uint8Array[], offset: number): Promise<void> {
  let rest = parts.filter(({ byteLength }) => byteLength > 0);
  let at = offset;
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, at);
    at += bytesWritten;
    rest = behind(rest, bytesWritten);
  }
}

function behind(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  const at = parts.findIndex(({ byteLength }) => {
    if (left < byteLength) return true;
    left -= byteLength;
    return false;
  });
  const first = parts[at];
  return first === undefined ? [] : [first.subarray(left), ...parts.slice(at + 1)];
}
