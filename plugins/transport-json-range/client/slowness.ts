import type { Attempt } from './attempt.js';
import type { Source } from './source.js';

/** What is known of a range whose turn it is, and of a peer that could bring it too. */
export interface Race {
  readonly attempt: Pick<Attempt, 'rate' | 'source'>;
  readonly other: Source;
  /** Since when nothing came, by `performance.now()`. */
  readonly since: number;
  /** Bytes that are likely to be missing. */
  readonly missingBytes: number;
  readonly hedgeAfterMs: number;
}

/** The other peer has to be so many times as fast, so that a race is not begun for nothing. */
const CLEARLY = 2;

/** Whether a range should be asked for again: nothing came for a while, or its end is far behind what another needs. */
export function isLagging({ attempt, other, since, missingBytes, hedgeAfterMs }: Race): boolean {
  if (performance.now() - since >= hedgeAfterMs) return true;
  if (attempt.rate === null) return attempt.source.resting;
  if (other.rate === null) return false;
  const own = (missingBytes * 1000) / attempt.rate;
  const others = (missingBytes * 1000 * (other.busy + 1)) / other.rate;
  return own > CLEARLY * others + hedgeAfterMs;
}
