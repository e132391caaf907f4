import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, rename, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { SnapshotManifest, SnapshotPart } from '../../../src/contracts/index.js';
import { PRIVATE_DIRECTORY, PRIVATE_FILE } from '../../../src/internal/private-mode.js';
import { diskError } from './disk-error.js';
import { BODY_FILE, MANIFEST_FILE, MANIFEST_PART_FILE, removeDownloads } from './kept-directory.js';
import { makeDirectory } from '../../../src/internal/node/make-directory.js';

/**
 * Verified parts on disk, each at its place in one file that is otherwise sparse.
 *
 * There is no list of the parts that are there: a part is there when its bytes have the hash that the manifest gives, which
 * is looked at whenever one is read. So nothing has to be flushed, and whatever a crash or a loss of power leaves behind
 * costs no more than fetching the parts again that it hit.
 */
export class KeptParts {
  readonly #file: FileHandle;
  /** Length of the file when it was opened: parts behind it can't be there. */
  readonly #length: number;

  private constructor(file: FileHandle, length: number) {
    this.#file = file;
    this.#length = length;
  }

  /**
   * Opens what an earlier run has kept of a snapshot, or begins anew. Downloads of other snapshots are removed.
   *
   * @throws SyncError `STORE_FULL`, `STORE_IO`
   */
  static async open(directory: string, manifest: SnapshotManifest): Promise<KeptParts> {
    try {
      await removeDownloads(directory, manifest.id);
      const own = join(directory, manifest.id);
      await makeDirectory(own, PRIVATE_DIRECTORY);
      await writeManifest(own, manifest);
      const file = await open(join(own, BODY_FILE), constants.O_RDWR | constants.O_CREAT, PRIVATE_FILE);
      return new KeptParts(file, await usableLength(file, manifest));
    } catch (error) {
      throw diskError(error);
    }
  }

  /** Whether it is worth a look. */
  mayHave({ offset, length }: SnapshotPart): boolean {
    return offset + length <= this.#length;
  }

  /** A part that an earlier run has kept, verified; `null` when it is not there whole. @throws SyncError `STORE_IO` */
  async read(part: SnapshotPart): Promise<Uint8Array | null> {
    const bytes = new Uint8Array(part.length);
    try {
      const { bytesRead } = await this.#file.read(bytes, 0, part.length, part.offset);
      if (bytesRead < part.length) return null;
    } catch (error) {
      throw diskError(error);
    }
    return createHash('sha256').update(bytes).digest('hex') === part.sha256 ? bytes : null;
  }

  /** Keeps a verified part. @throws SyncError `STORE_FULL`, `STORE_IO` */
  async write({ offset }: SnapshotPart, bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) {
        const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, offset + at);
        at += bytesWritten;
      }
    } catch (error) {
      throw diskError(error);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** What lies behind the end of the body can only be of another one. */
async function usableLength(file: FileHandle, { size }: SnapshotManifest): Promise<number> {
  try {
    const { size: length } = await file.stat();
    if (length > size) await file.truncate(size);
    return Math.min(length, size);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Writes it whole or not at all. */
async function writeManifest(directory: string, manifest: SnapshotManifest): Promise<void> {
  const path = join(directory, MANIFEST_FILE);
  const text = JSON.stringify(manifest);
  if ((await readFile(path, 'utf8').catch(() => null)) === text) return;
  const part = join(directory, MANIFEST_PART_FILE);
  await writeFile(part, text, { mode: PRIVATE_FILE });
  await rename(part, path);
}
