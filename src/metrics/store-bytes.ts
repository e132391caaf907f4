import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A store has many files, and its size changes slowly: it is looked at so often at most, in milliseconds. */
const LOOK_EVERY_MS = 15_000;

/** The size of a directory, looked at now and then. */
export class StoreBytes {
  #directory: string | null = null;
  #lookedMs = -Infinity;
  #bytes: Promise<number> = Promise.resolve(0);

  /** @returns `null` for no directory */
  async of(directory: string | null, now = performance.now()): Promise<number | null> {
    if (directory === null) return null;
    if (directory !== this.#directory || now - this.#lookedMs >= LOOK_EVERY_MS) {
      this.#directory = directory;
      this.#lookedMs = now;
      this.#bytes = bytesIn(directory);
    }
    return this.#bytes;
  }
}

/** Files that are gone when they are looked at count as nothing. */
async function bytesIn(directory: string): Promise<number> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) bytes += await bytesIn(path);
    else if (entry.isFile())
      bytes += await stat(path).then(
        ({ size }) => size,
        () => 0,
      );
  }
  return bytes;
}
