import { concatBytes } from '#platform/bytes';
import type { BlockRange, Frame, StorageTiles, Tile, TileBody } from '../../src/contracts/index.js';
import { encodeTileBody, isTileCodec } from '../../src/tiles/body.js';
import type { DecidedCut } from '../../src/tiles/cut.js';
import { type CutInput, intervalStart, TilePlan } from '../../src/tiles/plan.js';
import { run } from './memory-stage.js';
import { type Frames, inTile, type KeptTile, type StoredBlock } from './stored-block.js';

/** The store of tiles. */
export interface TilesHost {
  readonly frames: Frames;
  /** The blocks from the base on. @throws SyncError `STORE_CLOSED` */
  blocks(): StoredBlock[];
  base(): number;
  isOpen(): boolean;
}

/** Keeps settled blocks as tiles. They are encoded in turns between other work, a member at a time. */
export class MemoryTiles implements StorageTiles {
  made = 0;
  readonly #host: TilesHost;
  #plan = new TilePlan();
  #settled = -1;
  #isDigested = false;
  #working: Promise<void> | null = null;
  /** Counts what takes blocks away: a tile of blocks from before is not put in place. */
  #changes = 0;

  constructor(host: TilesHost) {
    this.#host = host;
  }

  /** Which tiles could be made. */
  get plan(): TilePlan {
    return this.#plan;
  }

  async settle(height: number, { isDigested = false } = {}): Promise<void> {
    this.#host.blocks();
    this.#settled = Math.max(this.#settled, height);
    this.#isDigested = isDigested;
    this.#working ??= this.#work().finally(() => {
      this.#working = null;
    });
    await this.#working;
  }

  at(height: number): Promise<Tile | null> {
    return run(() => this.#tileAt(height));
  }

  list({ from, to }: BlockRange): Promise<readonly Tile[]> {
    return run(() => {
      const tiles: Tile[] = [];
      const base = this.#host.base();
      const end = Math.min(to, base + this.#host.blocks().length - 1);
      for (let height = Math.max(from, base); height <= end;) {
        const tile = this.#tileAt(height);
        if (tile?.from === height) tiles.push(tile);
        height = (tile?.to ?? height) + 1;
      }
      return tiles;
    });
  }

  body({ from, hash }: Tile): Promise<Uint8Array | null> {
    return run(() => {
      const kept = this.#block(from)?.tile ?? null;
      const isSame = kept?.tile.from === from && kept.tile.hash === hash && kept.decidedAt !== null;
      return isSame ? kept.body : null;
    });
  }

  /** What the store has left of the interval that a height is in, when it and all above are dropped. */
  restBelow(height: number): readonly CutInput[] {
    const rest: CutInput[] = [];
    for (let at = Math.max(intervalStart(height), this.#host.base()); at < height;) {
      const block = this.#block(at);
      if (block === undefined) break;
      const { tile, documentBytes } = block;
      if (tile !== null && tile.decidedAt !== null && tile.decidedAt < height) {
        rest.push({ kind: 'tile', from: tile.tile.from, to: tile.tile.to });
        at = tile.tile.to + 1;
      } else {
        rest.push({ kind: 'block', height: at, documentBytes });
        at += 1;
      }
    }
    return rest;
  }

  /** Takes note that all blocks from a height on were dropped: what they decided is open again, and no tile is cut short. */
  dropped(height: number): void {
    this.#changes += 1;
    this.#settled = Math.min(this.#settled, height - 1);
    const blocks = this.#host.blocks();
    const base = this.#host.base();
    const reopened = new Map<KeptTile, KeptTile>();
    for (let at = Math.max(intervalStart(height), base) - base; at < blocks.length; at++) {
      const block = blocks[at];
      const kept = block?.tile ?? null;
      if (block === undefined || kept === null || (kept.decidedAt ?? height) < height) continue;
      const open = reopened.get(kept) ?? { ...kept, decidedAt: null };
      reopened.set(kept, open);
      blocks[at] = { ...block, tile: kept.tile.to < height ? open : null };
    }
  }

  /** Takes note that the blocks below a height are gone. */
  pruned(base: number): void {
    this.#changes += 1;
    this.#plan.prune(base);
  }

  /** Begins anew with other blocks. */
  reset(): void {
    this.#changes += 1;
    this.#settled = -1;
    this.#plan = new TilePlan();
    for (const { header, documentBytes } of this.#host.blocks())
      this.#plan.add({ kind: 'block', height: header.height, documentBytes });
  }

  #tileAt(height: number): Tile | null {
    const kept = this.#block(height)?.tile ?? null;
    return kept === null || kept.decidedAt === null ? null : kept.tile;
  }

  #block(height: number): StoredBlock | undefined {
    return this.#host.blocks()[height - this.#host.base()];
  }

  async #work(): Promise<void> {
    while (this.#host.isOpen()) {
      const cut = this.#plan.due(this.#settled);
      if (cut === null) return;
      const plan = this.#plan;
      const changes = this.#changes;
      const made = await this.#make(cut);
      if (this.#changes !== changes || !this.#host.isOpen()) continue;
      this.made += made === null ? 0 : 1;
      if (made !== null) this.#host.blocks().splice(cut.from - this.#host.base(), made.length, ...made);
      plan.done(cut);
    }
  }

  /** The blocks of a tile, in it; `null` when it can't be made. */
  async #make(cut: DecidedCut): Promise<readonly StoredBlock[] | null> {
    const { from, to, documentBytes, decidedAt } = cut;
    const base = this.#host.base();
    const blocks = this.#host.blocks().slice(from - base, to - base + 1);
    const [first] = blocks;
    const last = blocks.at(-1);
    if (first === undefined || last === undefined) return null;
    const whole = first.tile;
    if (
      whole?.tile.from === from &&
      whole.tile.to === to &&
      (whole.tile.digest !== null || !this.#isDigested)
    ) {
      const tile = { ...whole, decidedAt };
      return blocks.map((block) => ({ ...block, tile }));
    }
    const frames: Frame[] = [];
    for (const block of blocks) frames.push(await this.#host.frames.of(block));
    if (!frames.every(({ codec }) => isTileCodec(codec))) return null;
    const { members, parts, digest } = await encodeTileBody(frames, { isDigested: this.#isDigested });
    const bytes = concatBytes(parts);
    const { previousHash } = first.header;
    const { hash } = last.header;
    const tile: Tile = { from, to, previousHash, hash, documentBytes, bytes: bytes.byteLength, digest };
    return inTile(blocks, { tile, body: bytes, decidedAt }, { bytes, members });
  }
}

/** A tile as it came with a batch: whether it is cut so here is told later. */
export function keptWhole({ body, ...tile }: Tile & { readonly body: TileBody }): KeptTile {
  return { tile, body: body.bytes, decidedAt: null };
}
