const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 60_000;

/** Holds a wait that a peer asks for within 0.1 s and 60 s (protocol section 4). */
export function clampRetryMs(ms: number): number {
  return Math.min(Math.max(ms, MIN_RETRY_MS), MAX_RETRY_MS);
}

/**
 * Reads `Retry-After` (RFC 9110 section 10.2.3): seconds or an HTTP date.
 *
 * @returns milliseconds, clamped; `null` when the header is missing or says something else
 */
export function parseRetryAfter(value: string | null, nowMs: number): number | null {
  if (value === null) return null;
  const text = value.trim();
  if (/^[0-9]+$/.test(text)) return clampRetryMs(Number(text) * 1000);
  // An HTTP date starts with the name of a day; `Date.parse` alone would take much more than that.
  const date = /^[A-Z][a-z]{2,8},? /.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? null : clampRetryMs(date - nowMs);
}
