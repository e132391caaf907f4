import type { BlockHeader } from '../../../src/contracts/index.js';

/** What an entry costs beside its bytes, about. */
const ENTRY_BYTES = 512;
/** The `block` event of a block. */
interface Entry {
  readonly hash: string;
  readonly event: Uint8Array;
}

/**
 * Finished events of one codec for blocks that the store holds in another one: streams that read the same stretch at
 * about the same time share the work of encoding it, which is most of what a block costs then.
 */
export class SharedEvents {
  readonly #maxBytes: number;
  /** By height, in the order in which they were made. */
  readonly #entries = new Map<number, Entry>();
  #bytes = 0;

  /** @param maxBytes - bound on what is held; what was made first goes first. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes held, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A block's event, which must not be modified; `null` when it is not held. */
  get({ height, hash }: Pick<BlockHeader, 'height' | 'hash'>): Uint8Array | null {
    const entry = this.#entries.get(height);
    return entry?.hash === hash ? entry.event : null;
  }

  add({ height, hash }: Pick<BlockHeader, 'height' | 'hash'>, event: Uint8Array): void {
    this.#drop(height);
    this.#entries.set(height, { hash, event });
    this.#bytes += event.length + ENTRY_BYTES;
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
    this.#bytes -= entry.event.length + ENTRY_BYTES;
  }
}
