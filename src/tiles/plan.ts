import type { BlockRef, CommitBlock } from '../contracts/index.js';
import { type DecidedCut, firstCut, MAX_TILE_BLOCKS, type TileCut, TileCutter } from './cut.js';

/** A block as the cut sees it. */
export interface CutBlock {
  readonly kind: 'block';
  readonly height: number;
  readonly documentBytes: number;
}

/** What a store has from some height on, for the cut: a block, or a tile that was decided. */
export type CutInput = CutBlock | { readonly kind: 'tile'; readonly from: number; readonly to: number };

/** What dropping blocks does to the cut. */
export interface CutDrop {
  /** The lowest height that goes. */
  readonly from: number;
  /** What the store has left from {@link intervalStart} of it on. */
  readonly rest: readonly CutInput[];
}

/** Where the interval begins whose cut a change of a height can change. */
export const intervalStart = (height: number): number => height - (height % MAX_TILE_BLOCKS);

/** A block as the cut sees it. */
export const cutBlock = ({ frame: { header, documentBytes } }: CommitBlock): CutBlock => {
  return { kind: 'block', height: header.height, documentBytes };
};

/** What dropping the blocks above one does; `null` when none are. */
export function dropOf(to: BlockRef | null, above: Pick<CutDrop, 'rest'> | null): CutDrop | null {
  return above === null ? null : { from: (to?.height ?? -1) + 1, rest: above.rest };
}

/** The cut of a store up to its head. It knows sizes only, no more than 1,024 of them. */
class OpenCut {
  #base = 0;
  #cutter: TileCutter | null = null;

  copy(): OpenCut {
    const copy = new OpenCut();
    copy.#base = this.#base;
    copy.#cutter = this.#cutter?.copy() ?? null;
    return copy;
  }

  get undecidedFrom(): number {
    return this.#cutter?.undecidedFrom ?? 0;
  }

  /** Takes what comes next in the store. @returns the tiles that it decides */
  add(input: CutInput): readonly DecidedCut[] {
    const from = input.kind === 'tile' ? input.from : input.height;
    if (this.#cutter === null) this.#base = from;
    this.#cutter ??= new TileCutter(from);
    if (input.kind === 'block') return this.#cutter.push(input.height, input.documentBytes);
    this.#cutter = new TileCutter(this.#base, input.to + 1);
    return [];
  }

  /** Goes back. @returns the tiles that what is left decides */
  back({ from, rest }: CutDrop): readonly DecidedCut[] {
    if (this.#cutter === null) return [];
    const start = intervalStart(from);
    const isBelow = start < firstCut(this.#base);
    this.#cutter = isBelow ? new TileCutter(this.#base) : new TileCutter(this.#base, start);
    if (from <= this.#base) this.#cutter = null;
    return rest.flatMap((input) => this.add(input));
  }

  /** Takes note that the blocks below a height are gone, which is a multiple of 1,024: all below it is cut. */
  prune(base: number): void {
    this.#base = Math.max(this.#base, base);
  }

  mayBecome(cut: TileCut): boolean {
    return this.#cutter?.mayBecome(cut) ?? false;
  }
}

/** What a plan is to become once a batch is written. */
export class NextPlan {
  readonly cut: OpenCut;
  readonly drop: CutDrop | null;
  readonly decided: readonly DecidedCut[];

  constructor(cut: OpenCut, drop: CutDrop | null, blocks: readonly CutBlock[]) {
    this.cut = cut;
    this.drop = drop;
    const decided = drop === null ? [] : [...cut.back(drop)];
    for (const block of blocks) decided.push(...cut.add(block));
    this.decided = decided;
  }

  /** Whether blocks of the batch are a tile, or may become one or a part of one: no tile that is made ends within them. */
  takes(tile: TileCut): boolean {
    const { from, to } = tile;
    return this.decided.some((cut) => cut.from === from && cut.to === to) || this.cut.mayBecome(tile);
  }
}

/** Which tiles a store could make of what it holds. */
export class TilePlan {
  #cut = new OpenCut();
  #due: DecidedCut[] = [];

  /** Takes what comes next in the store. */
  add(input: CutInput): void {
    this.#due.push(...this.#cut.add(input));
  }

  /** What comes of it that some blocks are dropped and others added; the plan stays as it is. */
  next(drop: CutDrop | null, blocks: readonly CutBlock[]): NextPlan {
    return new NextPlan(this.#cut.copy(), drop, blocks);
  }

  /** Becomes what was seen ahead. */
  become({ cut, drop, decided }: NextPlan): void {
    if (drop !== null) {
      const start = intervalStart(drop.from);
      this.#due = this.#due.filter(({ to }) => to < start);
    }
    this.#cut = cut;
    this.#due.push(...decided);
  }

  /** Takes note that the blocks below a height are gone, which is a multiple of 1,024. */
  prune(base: number): void {
    this.#cut.prune(base);
    this.#due = this.#due.filter(({ from }) => from >= base);
  }

  /** The lowest height behind all tiles that were made. */
  get framesFrom(): number {
    return this.#due[0]?.from ?? this.#cut.undecidedFrom;
  }

  /** The next tile to make, all of whose blocks and of those that decided it are settled; `null` for none. */
  due(settled: number): DecidedCut | null {
    const [cut] = this.#due;
    return cut !== undefined && cut.decidedAt <= settled ? cut : null;
  }

  /** The tiles to make next, in order. @param count - how many at most */
  upcoming(settled: number, count: number): readonly DecidedCut[] {
    const cuts = this.#due.slice(0, count);
    const end = cuts.findIndex(({ decidedAt }) => decidedAt > settled);
    return end < 0 ? cuts : cuts.slice(0, end);
  }

  /** Takes note that the next tile was made, or that it can't be. */
  done(cut: DecidedCut): void {
    if (this.#due[0] === cut) this.#due.shift();
  }
}
