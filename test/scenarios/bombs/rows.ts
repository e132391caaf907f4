import type { Stall } from './stall.js';

/** What one process was seen to do. */
export interface Seen {
  /** What it came to. */
  readonly outcome: string;
  /** The longest time that the event loop stood still, in the best of five runs. */
  readonly stall: Stall;
  /** Most memory of the process. */
  readonly peakBytes: number;
}

/** What is allowed beside a valid input of the same kind. */
export const BAR = { stallMs: 50, bytes: 64e6 } as const;

/** Rows of a table with what is over the bar. */
export class Table {
  readonly #failed: string[] = [];

  constructor(head: readonly string[]) {
    console.log(
      [...head, 'came to', 'longest stall, best of 5', 'by the clock', 'memory above a valid one'].join(
        ' | ',
      ),
    );
    console.log('--- | '.repeat(head.length + 3) + '---');
  }

  /**
   * Prints a row.
   *
   * @param valid - what a valid input of the kind was seen to do; `null` for that one itself.
   * @param hasLargeBlock - whether a block above 4 MiB is in it, which is scanned in one turn.
   */
  add(names: readonly string[], seen: Seen, valid: Seen | null, hasLargeBlock = false): void {
    const more = seen.peakBytes - (valid ?? seen).peakBytes;
    const allowedMs = hasLargeBlock ? Math.max(BAR.stallMs, (valid ?? seen).stall.ownMs * 1.5) : BAR.stallMs;
    const isOver = valid !== null && (seen.stall.ownMs > allowedMs || more > BAR.bytes);
    if (isOver) this.#failed.push(names.join(': '));
    const [own, clock] = [seen.stall.ownMs, seen.stall.clockMs].map((ms) => `${ms.toFixed(0)} ms`);
    const memory =
      valid === null ? `(${(seen.peakBytes / 1e6).toFixed(0)} MB)` : `${(more / 1e6).toFixed(0)} MB`;
    console.log([...names, seen.outcome, own, clock, memory + (isOver ? ' OVER' : '')].join(' | '));
  }

  /** @throws Error naming the rows that are over the bar */
  check(): void {
    if (this.#failed.length > 0) throw new Error(`over the bar: ${this.#failed.join('; ')}`);
  }
}
