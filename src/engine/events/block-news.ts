import type { BlockHeader, BlockRef, Frame, Transport } from '../../contracts/index.js';
import type { Chain } from '../../chain/chain.js';
import { StoredBlockEvent } from './block-event.js';
import type { EventHub } from './event-hub.js';

/** A block that is stored and was not told of. */
interface Untold {
  readonly header: BlockHeader;
  readonly documentBytes: number;
  readonly origin: Transport['mode'];
}

/** Tells subscribers of blocks once they are confirmed, in order, and of those that were told of and are gone. */
export class BlockNews {
  readonly #chain: Chain;
  readonly #hub: EventHub;
  /** Oldest first. */
  #untold: Untold[] = [];
  /** Height of the newest block that was told of, in this run or an earlier one. */
  #told: number;

  constructor(chain: Chain, hub: EventHub) {
    const { confirmed, base } = chain.tip();
    this.#chain = chain;
    this.#hub = hub;
    this.#told = confirmed?.height ?? base - 1;
  }

  /** Takes what an earlier run stored and did not tell of, since it was not confirmed. How it came is not known any more. */
  async load(origin: Transport['mode']): Promise<void> {
    const { head } = this.#chain.tip();
    if (head === null || head.height <= this.#told || !this.#hub.observed) return;
    for await (const frames of this.#chain.read({ from: this.#told + 1, to: head.height }))
      this.#add(frames, origin);
  }

  /** Blocks were stored. */
  stored(frames: readonly Frame[], origin: Transport['mode']): void {
    if (this.#hub.observed) this.#add(frames, origin);
    this.confirmed();
  }

  /** Blocks may have been confirmed. */
  confirmed(): void {
    const { confirmed } = this.#chain.tip();
    const height = confirmed?.height ?? -1;
    if (height <= this.#told) return;
    const count = this.#untold.findLastIndex(({ header }) => header.height <= height) + 1;
    const now = this.#untold.splice(0, count);
    this.#told = height;
    for (const { header, documentBytes, origin } of now)
      this.#hub.emit(new StoredBlockEvent(this.#chain, { header, documentBytes }, origin));
  }

  /** Blocks above a height were dropped. @returns those that were told of, newest first */
  dropped(to: number, dropped: readonly BlockRef[]): readonly BlockRef[] {
    const told = dropped.filter(({ height }) => height <= this.#told);
    this.#untold = this.#untold.filter(({ header }) => header.height <= to);
    this.#told = Math.min(this.#told, to);
    return told;
  }

  #add(frames: readonly Frame[], origin: Transport['mode']): void {
    for (const { header, documentBytes } of frames) this.#untold.push({ header, documentBytes, origin });
  }
}
