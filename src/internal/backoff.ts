/** How long to wait between attempts, in milliseconds. */
export interface BackoffBounds {
  /** Longest wait after the first failure; doubles with each one. */
  readonly baseDelayMs: number;
  /** Longest wait of all. */
  readonly maxDelayMs: number;
}

/** Keeps the factor finite: a base of 0 times `Infinity` would be no number. */
const MAX_DOUBLINGS = 30;

/**
 * A time that doubles with each failure, up to a bound.
 *
 * @param failures - in a row, at least 1.
 */
export function doublingMs({ baseDelayMs, maxDelayMs }: BackoffBounds, failures: number): number {
  return Math.min(maxDelayMs, baseDelayMs * 2 ** Math.min(failures - 1, MAX_DOUBLINGS));
}

/** A wait that a peer asks for becomes longer at random, by up to this part of it, or this time where that is longer. */
const ASKED_JITTER = 0.25;
const ASKED_JITTER_MS = 1_000;

/**
 * Delay before an attempt (protocol section 4): exponential with full jitter, so that clients cut off together don't
 * come back together. For the same reason a time that the peer asks for is only the least.
 *
 * @param failures - in a row, at least 1.
 * @param atLeastMs - what the peer asked for; `null` when it asked for nothing.
 */
export function backoffDelayMs(
  bounds: BackoffBounds,
  failures: number,
  atLeastMs: number | null,
  random: () => number = Math.random,
): number {
  const chance = random();
  const ownMs = chance * doublingMs(bounds, failures);
  if (atLeastMs === null) return Math.round(ownMs);
  const askedMs = atLeastMs + chance * Math.max(ASKED_JITTER_MS, atLeastMs * ASKED_JITTER);
  return Math.round(Math.max(ownMs, askedMs));
}

/**
 * Least time between two attempts that bring nothing: doubles with each, and half of it is at random.
 *
 * @param attempts - in a row, at least 1.
 */
export function spacingMs(
  bounds: BackoffBounds,
  attempts: number,
  random: () => number = Math.random,
): number {
  return Math.round((doublingMs(bounds, attempts) * (1 + random())) / 2);
}
