import type { BlockHeader, Frame } from '../../../src/contracts/index.js';
import { ownBytes } from '../../../src/internal/own-bytes.js';

/** What an entry costs beside its bytes, about. */
const ENTRY_BYTES = 512;
/** A larger block takes the room of too many others. */
const MAX_ENTRY_BYTES = 1024 * 1024;

/** A block in the codec of the streams. */
interface Entry {
  readonly hash: string;
  readonly bytes: Uint8Array;
}

/**
 * Blocks of one codec that the store holds in another one: streams that read the same stretch at about the same time
 * share the work of encoding it, which is most of what a small block costs.
 */
export class EncodedBlocks {
  readonly #maxBytes: number;
  /** By height, in the order in which they were encoded. */
  readonly #entries = new Map<number, Entry>();
  #bytes = 0;

  /** @param maxBytes - bound on what is held; what was encoded first goes first. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes held, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A block's encoded bytes; `null` when they are not held. */
  get({ height, hash }: Pick<BlockHeader, 'height' | 'hash'>): Uint8Array | null {
    const entry = this.#entries.get(height);
    return entry?.hash === hash ? entry.bytes : null;
  }

  add({ header }: Pick<Frame, 'header'>, encoded: Uint8Array): void {
    if (encoded.length > MAX_ENTRY_BYTES) return;
    this.#drop(header.height);
    // An encoder may hand out a view of a larger buffer.
    const bytes = ownBytes(encoded);
    this.#entries.set(header.height, { hash: header.hash, bytes });
    this.#bytes += bytes.length + ENTRY_BYTES;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#drop(oldest);
    }
  }

  /** Forgets all: after a rollback other bytes may come with the same hash, where that does not cover all of them. */
  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  #drop(height: number): void {
    const entry = this.#entries.get(height);
    if (entry === undefined) return;
    this.#entries.delete(height);
    this.#bytes -= entry.bytes.length + ENTRY_BYTES;
  }
}
