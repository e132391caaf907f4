import type { Need } from './needs.js';
import type { Site } from './site.js';

/** How much of a row is run: all that its bar speaks of, or a part that takes some seconds. */
export interface Scale {
  readonly isSlice: boolean;
  /** The first where the row is run whole, the second in a slice. */
  pick(whole: number, slice: number): number;
}

/** A broken client, server, store or setting that a row's checks have to catch. */
export interface Control {
  /** What is broken. */
  readonly broken: string;
  readonly needs: readonly Need[];
  /** Runs what the row runs, with the broken part. Caught is what ends with {@link Missed}; all else is not. */
  run(site: Site, scale: Scale): Promise<unknown>;
}

/** One fault or load, and what has to hold under it. */
export interface Row {
  readonly name: string;
  readonly group: 'load' | 'line' | 'crash';
  /** What is broken or loaded. */
  readonly fault: string;
  /** What has to hold, with its figures. */
  readonly bar: string;
  readonly needs: readonly Need[];
  /** Whether a slice has it. */
  readonly inSlice: boolean;
  /** Longest time of the row with its control, run whole, in seconds. */
  readonly limitSeconds: number;
  /**
   * @returns the figures.
   * @throws Missed where the bar is not met.
   */
  run(site: Site, scale: Scale): Promise<readonly string[]>;
  /** `null` where nothing has to be caught. */
  readonly control: Control | null;
}

/** The bar was not met. Anything else that is thrown is a fault of the row itself. */
export class Missed extends Error {
  override readonly name = 'Missed';
}

/** @throws Missed unless it holds */
export function must(holds: boolean, what: string): void {
  if (!holds) throw new Missed(what);
}
