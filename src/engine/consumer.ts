import type { BlockRef } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { throwIfAborted } from '../internal/abort.js';
import { Signal } from '../internal/signal.js';
import type { Block } from './block.js';
import type { Chain } from './chain.js';

/** Called with one block after the other; the next one comes when the promise has resolved. */
export type BlockHandler = (block: Block) => void | Promise<void>;

/** How a handler is fed. */
export interface RunOptions {
  /** Runs until the signal fires; `close()` does the same. */
  readonly signal?: AbortSignal | undefined;
  /** Name the position is kept under, so that several handlers each have their own. Default `default`. */
  readonly consumer?: string | undefined;
}

/**
 * Feeds a handler from the store, from its saved position on, and saves the position behind it.
 *
 * The handler is called at least once for each block, in order; after a crash the blocks since the last saved
 * position come again. Reading from the store is what bounds memory: a handler that is slow holds nothing up but
 * itself.
 */
export class Consumer {
  readonly #chain: Chain;
  readonly #name: string;
  readonly #handler: BlockHandler;
  readonly #wake = new Signal();
  #ended = false;

  constructor(chain: Chain, name: string, handler: BlockHandler) {
    this.#chain = chain;
    this.#name = name;
    this.#handler = handler;
  }

  /** No more blocks will come: `run` resolves when the handler has had them all. */
  end(): void {
    this.#ended = true;
    this.#wake.notify();
  }

  /** @throws SyncError `HANDLER_FAILED` */
  async run(signal: AbortSignal): Promise<void> {
    const unsubscribe = this.#chain.subscribe(() => {
      this.#wake.notify();
    });
    try {
      let position = await this.#start();
      for (;;) {
        const ended = this.#ended;
        position = await this.#deliver(position, signal);
        if (ended) return;
        await this.#wake.wait(signal);
      }
    } finally {
      unsubscribe();
    }
  }

  async #start(): Promise<BlockRef | null> {
    const cursor = await this.#chain.cursor(this.#name);
    if (cursor === null) return null;
    const header = await this.#chain.header(cursor.height);
    if (header?.hash === cursor.hash) return cursor;
    const message = `The consumer ${this.#name} stands at block ${cursor.height} ${cursor.hash}, which this chain does not have.`;
    throw new SyncError('FORKED', message, { height: cursor.height });
  }

  async #deliver(position: BlockRef | null, signal: AbortSignal): Promise<BlockRef | null> {
    const { head, base } = this.#chain.tip();
    const from = position === null ? base : position.height + 1;
    if (head === null || from > head.height) return position;
    if (from < base) throw this.#belowBase(from, base);
    let last = position;
    for await (const frames of this.#chain.read({ from, to: head.height }, { signal })) {
      for (const frame of frames) {
        throwIfAborted(signal);
        await this.#handle(this.#chain.decode(frame));
        last = { height: frame.header.height, hash: frame.header.hash };
        await this.#chain.setCursor(this.#name, last);
      }
    }
    return last;
  }

  /** A snapshot has taken the place of blocks that the handler has not had. */
  #belowBase(height: number, base: number): SyncError {
    const message = `The consumer ${this.#name} has block ${height} next; the store begins at block ${base}.`;
    return new SyncError('BELOW_BASE', message, { height, base });
  }

  async #handle(block: Block): Promise<void> {
    try {
      await this.#handler(block);
    } catch (error) {
      const message = `The handler failed at block ${block.height}: ${error instanceof Error ? error.message : String(error)}`;
      throw new SyncError('HANDLER_FAILED', message, { height: block.height, cause: error });
    }
  }
}
