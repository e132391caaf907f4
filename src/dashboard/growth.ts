import type { ChainChange } from '../contracts/index.js';
import { encodedLength } from '../internal/encoded-length.js';
import type { Totals } from './samples.js';
import type { WatchedChain } from './watched.js';

/** A rollback as a chain tells it. */
export interface Dropped {
  /** Of the new head. */
  readonly height: number;
  readonly dropped: number;
}

/** Counts what a chain gains while it is watched. */
export class Growth {
  readonly #onDropped: (dropped: Dropped) => void;
  #totals: Totals = { blocks: 0, bytes: 0 };
  #height = -1;
  #stop = (): void => undefined;

  /** @param onDropped - called when blocks are gone. */
  constructor(onDropped: (dropped: Dropped) => void) {
    this.#onDropped = onDropped;
  }

  /** Since this was made, of all chains that were watched. */
  get totals(): Totals {
    return this.#totals;
  }

  /** Watches a chain in place of the one before; `null` for none. */
  watch(chain: WatchedChain | null, onChange: () => void): void {
    this.#stop();
    this.#height = chain?.tip().head?.height ?? -1;
    const stop = chain?.subscribe((change) => {
      this.#take(change);
      onChange();
    });
    this.#stop = stop ?? (() => undefined);
  }

  /** Counts what came in another way. */
  add({ blocks, bytes }: Totals): void {
    this.#totals = { blocks: this.#totals.blocks + blocks, bytes: this.#totals.bytes + bytes };
  }

  #take(change: ChainChange): void {
    if (change.kind === 'extend') {
      const bytes = change.frames.reduce((sum, frame) => sum + encodedLength(frame), 0);
      this.add({ blocks: change.frames.length, bytes });
      this.#height = change.frames.at(-1)?.header.height ?? this.#height;
      return;
    }
    const { height } = change.to;
    const dropped = this.#height - height;
    this.#height = height;
    this.#onDropped({ height, dropped });
  }
}
