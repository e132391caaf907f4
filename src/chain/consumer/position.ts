import type { BlockRef, Storage } from '../../contracts/index.js';
import type { Chain } from '../chain.js';

/** A position that moves is saved this often at most, in milliseconds: so much comes again after a crash. */
const SAVE_INTERVAL_MS = 100;

/** How far a consumer has got: the blocks that it has acknowledged. */
export interface Position {
  /** Where it goes on from; `null` at the beginning. */
  load(): Promise<BlockRef | null>;
  /** Moves it. */
  advance(ref: BlockRef): Promise<void>;
  /** Makes the next start go on from here. */
  save(): Promise<void>;
  /** The same within a write of the chain that is under way. */
  saveWithin(storage: Pick<Storage, 'setCursor'>): Promise<void>;
}

/** The position of a host that keeps it itself, beside what it makes of the blocks. */
export function hostPosition(after: BlockRef | null): Position {
  const nothing = (): Promise<void> => Promise.resolve();
  let reached = after;
  return {
    load: () => Promise.resolve(reached),
    advance: (to) => {
      reached = to;
      return Promise.resolve();
    },
    save: nothing,
    saveWithin: nothing,
  };
}

/**
 * A position that is kept in the store. Saved now and then while it moves, and when it comes
 * to rest; a save waits for the commit under way, and a consumer that waited for one after each block would be as slow.
 */
export class StoredPosition implements Position {
  readonly #chain: Chain;
  readonly #consumer: string;
  #ref: BlockRef | null = null;
  #saved: BlockRef | null = null;
  #savedMs = -Infinity;

  constructor(chain: Chain, consumer: string) {
    this.#chain = chain;
    this.#consumer = consumer;
  }

  async load(): Promise<BlockRef | null> {
    this.#ref = await this.#chain.cursor(this.#consumer);
    this.#saved = this.#ref;
    return this.#ref;
  }

  /** Moves it, and saves it when it is time. */
  async advance(ref: BlockRef): Promise<void> {
    this.#ref = ref;
    if (performance.now() - this.#savedMs >= SAVE_INTERVAL_MS) await this.save();
  }

  async save(): Promise<void> {
    const ref = this.#moved();
    if (ref === null) return;
    await this.#chain.setCursor(this.#consumer, ref);
    this.#noteSaved(ref);
  }

  async saveWithin(storage: Pick<Storage, 'setCursor'>): Promise<void> {
    const ref = this.#moved();
    if (ref === null) return;
    await storage.setCursor(this.#consumer, ref);
    this.#noteSaved(ref);
  }

  #moved(): BlockRef | null {
    return this.#ref === this.#saved ? null : this.#ref;
  }

  #noteSaved(ref: BlockRef): void {
    this.#saved = ref;
    this.#savedMs = performance.now();
  }
}
