/** Bytes that are kept of decoded tiles, of a store and all its views together. */
const MAX_BYTES = 8 * 1024 * 1024;

interface Entry {
  readonly value: unknown;
  readonly bytes: number;
}

/**
 * The pieces of tiles that were decoded last, by a key that says which tile, and where in it. A key that is never used for
 * anything else while a store is open makes that what is here never becomes wrong.
 */
export class TileCache {
  /** The one that was used last is at the end. */
  readonly #entries = new Map<string, Entry>();
  /** What is being read and decoded: who asks for it meanwhile gets the same, not a copy. */
  readonly #decoding = new Map<string, Promise<Entry>>();
  #bytes = 0;

  /** Whether a piece is kept, or soon will be. */
  has(key: string): boolean {
    return this.#entries.has(key) || this.#decoding.has(key);
  }

  /** A piece: the one that is kept, or what is read and decoded. */
  async of<T>(key: string, decode: () => Promise<Entry & { readonly value: T }>): Promise<T> {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known.value as T;
    }
    const decoding = this.#decoding.get(key) ?? this.#decode(key, decode);
    return (await decoding).value as T;
  }

  #decode(key: string, decode: () => Promise<Entry>): Promise<Entry> {
    const decoding = decode()
      .then((entry) => {
        this.#keep(key, entry);
        return entry;
      })
      .finally(() => this.#decoding.delete(key));
    this.#decoding.set(key, decoding);
    return decoding;
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
