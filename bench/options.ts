import { randomInt } from 'node:crypto';

/** A built checkout of another version to compare with (`BENCH_AGAINST`, a directory); `null` for none. */
export const AGAINST = process.env['BENCH_AGAINST'] ?? null;

/** Rounds of each measurement (`BENCH_RUNS`, default 5, or 11 of a comparison). */
export const RUNS = positive('BENCH_RUNS') ?? (AGAINST === null ? 5 : 11);

/** What a comparison draws its random numbers from (`BENCH_SEED`, default another one each time). */
export const SEED = positive('BENCH_SEED') ?? randomInt(1, 2 ** 32);

/** Only so many blocks of each workload, to try things out (`BENCH_BLOCKS`); `null` for all. */
export const BLOCKS = positive('BENCH_BLOCKS');

/** Only these ways, or contests of a comparison (`BENCH_WAYS`, names with commas between); `null` for all. */
export const WAYS = process.env['BENCH_WAYS']?.split(',') ?? null;

/** Whether all of a table is measured, so that it may be put into the page. */
export const COMPLETE = BLOCKS === null && WAYS === null;

function positive(name: string): number | null {
  const value = process.env[name];
  if (value === undefined) return null;
  if (/^[1-9][0-9]*$/.test(value)) return Number(value);
  throw new TypeError(`${name} must be an integer from 1 on, not ${JSON.stringify(value)}.`);
}
