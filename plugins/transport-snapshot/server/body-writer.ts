import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { Packed, SnapshotPart } from '../../../src/contracts/index.js';
import { freeMemory } from '../../../src/internal/free-memory.js';

/** Writes packed runs one after the other into a file and keeps count of what is in it. */
export class BodyWriter {
  readonly parts: SnapshotPart[] = [];
  /** Bytes of the file. */
  size = 0;
  /** Bytes of the document. */
  rawSize = 0;
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Takes a run, its memory included. */
  async add(packed: Packed): Promise<void> {
    this.#hash.update(packed.raw);
    if (!packed.parts.some(({ bytes }) => bytes.buffer === packed.raw.buffer)) freeMemory(packed.raw);
    for (const { bytes, rawLength, sha256 } of packed.parts) {
      await this.#file.appendFile(bytes);
      this.parts.push({ offset: this.size, length: bytes.length, rawLength, sha256 });
      this.size += bytes.length;
      this.rawSize += rawLength;
    }
    for (const { bytes } of packed.parts) freeMemory(bytes);
  }

  /** SHA-256 of the document so far, lower-case hex. */
  hash(): string {
    return this.#hash.copy().digest('hex');
  }
}
