import { suggestion } from './near.js';
import { isObject } from './object.js';
import { accepting, type Reader, refusal, unfit } from './reader.js';
import { shown } from './shown.js';

/** Longest time that Node's timers keep; a longer one fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

interface Bounds {
  readonly min: number;
  readonly max: number;
}

interface IntegerBounds extends Partial<Bounds> {
  readonly what?: string;
  /** What comes after the bounds. */
  readonly note?: string;
}

/** An integer from `min` (default 0) to `max` (default 2^53−1). */
export function integer(bounds: IntegerBounds = {}): Reader<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, what = 'an integer', note = '' } = bounds;
  return accepting(
    `${what} ${range({ min, max })}${note}`,
    (value): value is number => Number.isSafeInteger(value) && within(value, { min, max }),
  );
}

/** A finite number from `min` (default 0) to `max` (default 2^53−1). */
export function number(bounds: Partial<Bounds> & { readonly what?: string } = {}): Reader<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, what = 'a number' } = bounds;
  return accepting(
    `${what} ${range({ min, max })}`,
    (value): value is number => Number.isFinite(value) && within(value, { min, max }),
  );
}

/** How many of something: an integer from 1 to the number that there is. */
export function atMostAll(count: number, what: string): Reader<number> {
  return integer({ min: 1, max: count, note: `, the number of ${what}` });
}

/**
 * A length of time in milliseconds, from `min` (default 1) to `max`.
 *
 * @param bounds - `max` is by default the longest time of a timer; a length that no timer waits for may be longer.
 */
export function duration({ min = 1, max = MAX_TIMER_MS }: Partial<Bounds> = {}): Reader<number> {
  return number({ what: 'a number of milliseconds', min, max });
}

/** A height: an integer from 0 to 2^53−1. */
export function height(): Reader<number> {
  return integer({ what: 'a height, which is an integer' });
}

/** `true` or `false`, and nothing that counts as such. */
export function boolean(): Reader<boolean> {
  return accepting('true or false', (value): value is boolean => typeof value === 'boolean');
}

/** A text that is not empty. */
export function text(expects = 'a text that is not empty'): Reader<string> {
  return accepting(expects, (value): value is string => typeof value === 'string' && value !== '');
}

/** One of a few texts. */
export function oneOf<const T extends string>(known: readonly T[]): Reader<T> {
  const expects = known.map((name) => JSON.stringify(name)).join(' or ');
  return {
    expects,
    choices: known,
    read(value, where) {
      const found = known.find((name) => name === value);
      if (found !== undefined) return found;
      if (typeof value !== 'string') throw unfit(where, expects, value);
      const hint = suggestion(value, known);
      throw refusal(where, `can't be ${shown(value)}; ${hint}`);
    },
  };
}

/** A function. The caller says of what type, since that can't be checked. */
export function func<T extends (...args: never[]) => unknown>(expects = 'a function'): Reader<T> {
  return accepting(expects, (value): value is T => typeof value === 'function');
}

/** An object that has methods of these names; it is passed on as it is. The caller says of what type. */
export function objectWith<T extends object>(
  expects: string,
  methods: readonly (keyof T & string)[],
): Reader<T> {
  return {
    expects,
    read(value, where) {
      if (!isObject(value)) throw unfit(where, expects, value);
      const missing = methods.find((name) => typeof value[name] !== 'function');
      if (missing === undefined) return value as T;
      throw refusal(where, `has no method \`${missing}\`; it must be ${expects}.`);
    },
  };
}

function within(value: unknown, { min, max }: Bounds): boolean {
  return typeof value === 'number' && value >= min && value <= max;
}

function range({ min, max }: Bounds): string {
  return max === Number.MAX_SAFE_INTEGER ? `from ${min} to 2^53−1` : `from ${min} to ${max}`;
}
