import { readPlainString, readRaw, type Span } from '../../src/internal/json/index.js';
import type { TimestampUnit } from './options.js';

/** A time has at most so many characters: one of nanoseconds has 19 digits. */
const MAX_CHARS = 40;
const INTEGER = /^(?:0|[1-9]\d{0,30})$|^0x[0-9a-f]{1,30}$/;
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** How many make a millisecond; for seconds, how many milliseconds make one. */
const PER_MS: Readonly<Record<Exclude<TimestampUnit, 'rfc3339'>, bigint>> = {
  s: 1000n,
  ms: 1n,
  us: 1000n,
  ns: 1_000_000n,
};

/** Milliseconds since 1970; `null` for what is no time of this unit. */
export function readTimestamp(bytes: Uint8Array, value: Span, unit: TimestampUnit): number | null {
  if (value.end - value.start > MAX_CHARS) return null;
  const text = readPlainString(bytes, value);
  if (unit === 'rfc3339') return text === null ? null : fromText(text);
  const digits = text ?? readRaw(bytes, value);
  if (!INTEGER.test(digits)) return null;
  const ms = unit === 's' ? BigInt(digits) * PER_MS.s : BigInt(digits) / PER_MS[unit];
  return safe(Number(ms));
}

/** What is finer than a millisecond is cut off: this is a reading, and the bytes keep the rest. */
function fromText(text: string): number | null {
  const match = RFC3339.exec(text);
  if (match === null) return null;
  const { 1: fraction = '' } = match;
  return safe(Date.parse(fraction === '' ? text : text.replace(fraction, fraction.slice(0, 4))));
}

function safe(ms: number): number | null {
  return Number.isSafeInteger(ms) ? ms : null;
}
