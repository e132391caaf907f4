import type { Sample } from '../document.js';

/** Seconds that are shown. */
export const KEPT = 300;
/** Of a curve, in its own units. */
export const WIDTH = 300;
export const HEIGHT = 100;

/** The samples that a page has seen, in order and without gaps in their numbers where it can. */
export class History {
  readonly #byNumber = new Map<number, Sample>();

  /** Takes samples in; those of a node that was started anew take the place of all before. */
  add(samples: readonly Sample[]): void {
    const last = samples.at(-1);
    const known = last === undefined ? undefined : this.#byNumber.get(last[0]);
    const isNew = known !== undefined && last !== undefined && known[1] !== last[1];
    if (isNew || (last !== undefined && last[0] < this.#newest)) this.#byNumber.clear();
    for (const sample of samples) this.#byNumber.set(sample[0], sample);
    const oldest = this.#newest - KEPT;
    for (const number of this.#byNumber.keys()) if (number <= oldest) this.#byNumber.delete(number);
  }

  /** One value for each of the last seconds, oldest first; `null` where it was not seen. */
  values(index: 2 | 3): readonly (number | null)[] {
    const newest = this.#newest;
    return Array.from(
      { length: KEPT },
      (_, place) => this.#byNumber.get(newest - KEPT + 1 + place)?.[index] ?? null,
    );
  }

  get #newest(): number {
    return Math.max(0, ...this.#byNumber.keys());
  }
}

/** Half of the seconds that a point of a curve is the mean of, its own left out. */
const REACH = 2;

/** The same values, each the mean of those around it: single seconds are jumpy. */
export function smoothed(values: readonly (number | null)[]): readonly (number | null)[] {
  return values.map((value, at) => {
    if (value === null) return null;
    const near = values.slice(Math.max(0, at - REACH), at + REACH + 1).filter((each) => each !== null);
    return near.reduce((sum, each) => sum + each, 0) / near.length;
  });
}

/** The value at the top of a curve: not that of a few seconds which would flatten all others. */
export function scaleOf(values: readonly (number | null)[]): number {
  const seen = values.filter((value) => value !== null).sort((a, b) => a - b);
  const most = seen.at(-1) ?? 0;
  // Where blocks are rare, most seconds have none.
  const busy = seen.filter((value) => value > 0);
  const usual = busy[Math.floor(busy.length / 2)] ?? 0;
  return Math.min(most, usual * 4);
}

/** The paths of a curve: one piece for each run of seconds that were seen. */
export function pathsOf(
  values: readonly (number | null)[],
  scale: number,
): { readonly line: string; readonly area: string } {
  const unit = (HEIGHT - 4) / (scale === 0 ? 1 : scale);
  let line = '';
  let area = '';
  let start: number | null = null;
  values.forEach((value, index) => {
    const x = (index / (values.length - 1)) * WIDTH;
    if (value !== null) {
      const y = Math.max(0, HEIGHT - value * unit);
      line += `${start === null ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
      area += `${start === null ? `M${x.toFixed(1)} ${HEIGHT}L` : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
      start ??= x;
    }
    const isEnd = value === null || index === values.length - 1;
    if (isEnd && start !== null) {
      const last = value === null ? ((index - 1) / (values.length - 1)) * WIDTH : x;
      area += `L${last.toFixed(1)} ${HEIGHT}Z`;
      start = null;
    }
  });
  return { line, area };
}
