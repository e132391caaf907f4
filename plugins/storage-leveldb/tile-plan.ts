import { type DecidedCut, firstCut, MAX_TILE_BLOCKS, TileCutter } from '../../src/tiles/cut.js';

/** What a store has from some height on, for the cut: a block, or a tile. */
export type CutInput =
  | { readonly kind: 'block'; readonly height: number; readonly documentBytes: number }
  | { readonly kind: 'tile'; readonly from: number; readonly to: number };

/** Where the interval begins whose cut a change of a height can change. */
export const intervalStart = (height: number): number => height - (height % MAX_TILE_BLOCKS);

/** Which tiles a store could make of its frames. It knows sizes only, no more than 1,024 of them. */
export class TilePlan {
  #base = 0;
  #cutter: TileCutter | null = null;
  #due: DecidedCut[] = [];

  /** Takes what comes next in the store. */
  add(input: CutInput): void {
    const from = input.kind === 'tile' ? input.from : input.height;
    if (this.#cutter === null) this.#base = from;
    this.#cutter ??= new TileCutter(from);
    if (input.kind === 'tile') this.#cutter = new TileCutter(this.#base, input.to + 1);
    else this.#due.push(...this.#cutter.push(input.height, input.documentBytes));
  }

  /**
   * Goes back: blocks from a height on are dropped, and with them the decisions that they made.
   *
   * @param rest - what the store has left from {@link intervalStart} of the height on.
   */
  back(height: number, rest: readonly CutInput[]): void {
    const start = intervalStart(height);
    this.#due = this.#due.filter(({ to }) => to < start);
    if (this.#cutter === null) return;
    const isBelow = start < firstCut(this.#base);
    this.#cutter = isBelow ? new TileCutter(this.#base) : new TileCutter(this.#base, start);
    if (height <= this.#base) this.#cutter = null;
    for (const input of rest) this.add(input);
  }

  /** The lowest height behind all tiles that were made. */
  get framesFrom(): number {
    return this.#due[0]?.from ?? this.#cutter?.undecidedFrom ?? 0;
  }

  /** The next tile to make, all of whose blocks and of those that decided it are settled; `null` for none. */
  next(settled: number): DecidedCut | null {
    const [cut] = this.#due;
    return cut !== undefined && cut.decidedAt <= settled ? cut : null;
  }

  /** Takes note that the next tile was made, or that it can't be. */
  done(cut: DecidedCut): void {
    if (this.#due[0] === cut) this.#due.shift();
  }
}
