import type { BlockRef, Frame, Storage } from '../contracts/index.js';

/** Dependencies of a {@link Settlement}. */
export interface SettlementDeps {
  readonly storage: Storage;
  /** Whether tiles need a digest of their documents, since the hashes of the chain don't cover all bytes. */
  readonly digestsTiles: boolean;
  /** Whether what was in the store before counts as confirmed; else what the store says is. */
  readonly confirmsStored: boolean;
  /** A confirmed block so far below the head is not expected to be dropped. */
  readonly maxRollbackBlocks: number;
  /** The height that is final once a block is the newest confirmed one; `null` when none is. */
  finalHeight(confirmed: BlockRef): number | null;
}

/** What of a chain is confirmed, final and settled, and the tiles that are made of what is. */
export class Settlement {
  readonly #deps: SettlementDeps;

  constructor(deps: SettlementDeps) {
    this.#deps = deps;
  }

  /** The newest height that is final, or that no branch is followed below; −1 when none is. */
  get height(): number {
    const { head, confirmed, finalized } = this.#deps.storage.checkpoint();
    const deep = Math.min(confirmed?.height ?? -1, (head?.height ?? -1) - this.#deps.maxRollbackBlocks);
    return Math.max(finalized?.height ?? -1, deep);
  }

  /** Notes what an earlier configuration left open: blocks that count as confirmed now, or as final. */
  async catchUp(): Promise<void> {
    const { storage, confirmsStored } = this.#deps;
    const { head, confirmed, finalized } = storage.checkpoint();
    const settled = confirmsStored ? head : confirmed;
    if (settled === null) return;
    const final = await this.finalAfter([], settled);
    if (settled.height === confirmed?.height && (final === null || final.height === finalized?.height))
      return;
    await storage.advance({ confirmed: settled, finalized: final });
  }

  /** Notes that a block of the chain is confirmed. @returns whether that is news: it is on the chain, above those that are */
  async confirm(ref: BlockRef): Promise<boolean> {
    const { storage } = this.#deps;
    const { confirmed } = storage.checkpoint();
    if (confirmed !== null && confirmed.height >= ref.height) return false;
    if ((await storage.header(ref.height))?.hash !== ref.hash) return false;
    await storage.advance({ confirmed: ref, finalized: await this.finalAfter([], ref) });
    return true;
  }

  /** The newest final block once a block is confirmed; `null` leaves it as it is. @param frames - about to be stored */
  async finalAfter(frames: readonly Frame[], confirmed: BlockRef): Promise<BlockRef | null> {
    const { storage } = this.#deps;
    const height = this.#deps.finalHeight(confirmed);
    const { finalized } = storage.checkpoint();
    if (height === null || (finalized !== null && height <= finalized.height)) return null;
    const frame = frames[height - (frames[0]?.header.height ?? 0)];
    const header = frame?.header ?? (await storage.header(height));
    return header === null ? null : { height, hash: header.hash };
  }

  /**
   * Lets the store keep what is settled as tiles, beside what comes next. A failure changes no block: the next write
   * fails too if the store can't be written to, and damage shows where it is read.
   */
  makeTiles(): void {
    this.tilesMade().catch(() => undefined);
  }

  /** Lets the store make the tiles that are due, and waits for them. @returns the newest settled height; −1 when none is. */
  async tilesMade(): Promise<number> {
    const { storage, digestsTiles: isDigested } = this.#deps;
    const settled = this.height;
    if (settled >= 0) await storage.tiles?.settle(settled, { isDigested });
    return settled;
  }
}
