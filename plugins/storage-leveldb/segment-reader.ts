import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { SyncError } from '../../src/errors/index.js';
import { segmentName } from './segment-files.js';

/** Files that stay open between reads. */
const KEPT_OPEN = 8;

interface OpenFile {
  readonly file: Promise<FileHandle>;
  users: number;
}

/** Reads from segments through a few open files. Nothing is mapped: what was read is in the buffers only. */
export class SegmentReader {
  readonly #path: string;
  /** By segment; the one that was used last is at the end. */
  readonly #files = new Map<number, OpenFile>();
  readonly #reads = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Bytes of a segment; fewer where it ends before. @throws what opening and reading the file do; `STORE_CLOSED` */
  async read(segment: number, offset: number, length: number): Promise<Buffer> {
    if (this.#isClosed) {
      throw new SyncError('STORE_CLOSED', 'The store is not open, or holds new contents in place of those.');
    }
    const reading = this.#read(segment, offset, length);
    this.#reads.add(reading);
    try {
      return await reading;
    } finally {
      this.#reads.delete(reading);
    }
  }

  /** Closes the file of a segment that nobody reads any more. */
  async forget(segment: number): Promise<void> {
    const entry = this.#files.get(segment);
    this.#files.delete(segment);
    if (entry !== undefined) await closeFile(entry);
  }

  /** Resolves when the reads under way have ended and the files are closed; later reads are refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#reads);
    await Promise.all([...this.#files.keys()].map((segment) => this.forget(segment)));
  }

  async #read(segment: number, offset: number, length: number): Promise<Buffer> {
    const entry = this.#use(segment);
    try {
      return await readAt(await entry.file, offset, length);
    } finally {
      entry.users -= 1;
      await this.#closeUnused();
    }
  }

  #use(segment: number): OpenFile {
    const known = this.#files.get(segment);
    const entry = known ?? { file: open(join(this.#path, segmentName(segment)), 'r'), users: 0 };
    this.#files.delete(segment);
    this.#files.set(segment, entry);
    entry.users += 1;
    if (known === undefined) {
      entry.file.catch(() => {
        if (this.#files.get(segment) === entry) this.#files.delete(segment);
      });
    }
    return entry;
  }

  async #closeUnused(): Promise<void> {
    for (const [segment, { users }] of this.#files) {
      if (this.#files.size <= KEPT_OPEN) return;
      if (users === 0) await this.forget(segment);
    }
  }
}

/** A file that could not be opened needs no closing, and one that was only read loses nothing by a failure of it. */
async function closeFile({ file }: OpenFile): Promise<void> {
  await file.then((opened) => opened.close()).catch(() => undefined);
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
