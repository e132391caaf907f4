import type { Frame } from '../../contracts/index.js';
import type { Chain } from '../../chain/chain.js';
import { encodedLength } from '../../internal/encoded-length.js';

/** What may be stored above the confirmed block. */
const MAX_BLOCKS = 4_096;
const MAX_BYTES = 256 * 1024 * 1024;

/** Counts what is stored and not confirmed. */
export class Backlog {
  readonly #chain: Pick<Chain, 'tip'>;
  /** Encoded bytes of batches, with the height of their last block; oldest first. */
  readonly #batches: { readonly height: number; readonly bytes: number }[] = [];

  constructor(chain: Pick<Chain, 'tip'>) {
    this.#chain = chain;
  }

  /** Blocks were stored. */
  add(frames: readonly Frame[]): void {
    const last = frames.at(-1);
    if (last === undefined) return;
    const bytes = frames.reduce((sum, frame) => sum + encodedLength(frame), 0);
    this.#batches.push({ height: last.header.height, bytes });
    this.#forget();
  }

  /** Whether so many more blocks may not be stored until some of it is confirmed. */
  isFullFor(more: number): boolean {
    const { head, confirmed, base } = this.#chain.tip();
    if (head === null) return false;
    this.#forget();
    const blocks = head.height - (confirmed?.height ?? base - 1);
    const bytes = this.#batches.reduce((sum, batch) => sum + batch.bytes, 0);
    return blocks > 0 && (blocks + Math.min(more, MAX_BLOCKS / 2) > MAX_BLOCKS || bytes >= MAX_BYTES);
  }

  /** Drops batches that are confirmed, or were rolled back. */
  #forget(): void {
    const { head, confirmed } = this.#chain.tip();
    const isOpen = ({ height }: { readonly height: number }): boolean =>
      height > (confirmed?.height ?? -1) && height <= (head?.height ?? -1);
    const open = this.#batches.filter(isOpen);
    this.#batches.splice(0, this.#batches.length, ...open);
  }
}
