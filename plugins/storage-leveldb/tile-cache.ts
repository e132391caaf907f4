/** Bytes that are kept of decoded tiles, of a store and all its views together. */
const MAX_BYTES = 8 * 1024 * 1024;

interface Entry {
  readonly value: unknown;
  readonly bytes: number;
}

/**
 * The pieces of tiles that were decoded last, by their place. A place is not written twice while a store is open, so
 * what is here never becomes wrong.
 */
export class TileCache {
  /** The one that was used last is at the end. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  /** Whether the piece at a place is kept. */
  has(segment: number, offset: number): boolean {
    return this.#entries.has(`${segment}:${offset}`);
  }

  /** The piece at a place: the one that is kept, or what is read and decoded. */
  async of<T>(
    segment: number,
    offset: number,
    decode: () => Promise<Entry & { readonly value: T }>,
  ): Promise<T> {
    const key = `${segment}:${offset}`;
    const known = this.#entries.get(key);
    if (known !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known.value as T;
    }
    const entry = await decode();
    this.#keep(key, entry);
    return entry.value;
  }

  #keep(key: string, entry: Entry): void {
    if (entry.bytes > MAX_BYTES / 4 || this.#entries.has(key)) return;
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
    for (const [oldest, { bytes }] of this.#entries) {
      if (this.#bytes <= MAX_BYTES) return;
      this.#entries.delete(oldest);
      this.#bytes -= bytes;
    }
  }
}
