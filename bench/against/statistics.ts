import { median } from '../page.js';
import { pseudoRandom } from '../random.js';

/** From where to where a value lies with a likelihood of 95 %. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 10_000;

/**
 * The 95 % interval of the median of some rounds' values: the percentile bootstrap (Efron 1979). Rounds are drawn with
 * replacement; one seed always gives the same interval.
 *
 * @param seed - 1 to 2^32−1
 */
export function intervalOf(values: readonly number[], seed: number): Interval {
  const random = pseudoRandom(seed);
  const drawn = (): number => values[Math.floor((random() / 2 ** 32) * values.length)] ?? Number.NaN;
  const medians = Array.from({ length: RESAMPLES }, () => median(values.map(drawn)));
  return { low: percentile(medians, 2.5), high: percentile(medians, 97.5) };
}

/** The value that `percent` of all values are not above (nearest rank). */
export function percentile(values: readonly number[], percent: number): number {
  const rank = Math.max(1, Math.ceil((values.length * percent) / 100));
  return values.toSorted((a, b) => a - b)[rank - 1] ?? Number.NaN;
}
