import { readRaw, type Span } from '../../src/internal/json/index.js';
import { HEX_VALUE } from '../../src/internal/json/tables.js';

/** No quantity of a header has more: 256 bits. */
const MAX_QUANTITY_DIGITS = 64;
/** Of 32 bytes as a string, quotes included. */
const PADDED_CHARACTERS = 68;
const MAX_DECIMAL_DIGITS = 78;
const DECIMAL = /^(?:0|[1-9][0-9]*)$/;

/** Values of the digits in lower case, as nodes write them; 255 for every other byte. */
const LOWER_CASE = HEX_VALUE.slice().fill(255, 0x41, 0x47);

/** Reads a `0x` string of whole bytes in lower case; `null` for any other value. */
export function readData(bytes: Uint8Array, value: Span): Uint8Array | null {
  const digits = hexDigits(bytes, value);
  return digits === null || (digits.end - digits.start) % 2 === 1 ? null : decode(bytes, digits);
}

/**
 * Reads a quantity, a JSON integer or a `0x` string without leading zeros, as big-endian bytes without leading zeros;
 * `null` for any other value.
 */
export function readQuantity(bytes: Uint8Array, value: Span): Uint8Array | null {
  const digits = hexDigits(bytes, value);
  if (digits === null) return readDecimal(bytes, value);
  const length = digits.end - digits.start;
  const zero = bytes[digits.start] === 0x30;
  if (length === 0 || length > MAX_QUANTITY_DIGITS || (zero && length > 1)) return null;
  return zero ? new Uint8Array() : decode(bytes, digits);
}

/** Reads a `0x` string of 32 bytes as a quantity: without its leading zeros; `null` for any other value. */
export function strippedQuantity(bytes: Uint8Array, value: Span): Uint8Array | null {
  const padded = value.end - value.start === PADDED_CHARACTERS ? readData(bytes, value) : null;
  if (padded === null) return null;
  let zeros = 0;
  while (padded[zeros] === 0) zeros++;
  return padded.subarray(zeros);
}

/** A quantity as a number; `null` above 2^53−1. */
export function toNumber(quantity: Uint8Array): number | null {
  let number = 0;
  for (const byte of quantity) number = number * 256 + byte;
  return Number.isSafeInteger(number) ? number : null;
}

function readDecimal(bytes: Uint8Array, value: Span): Uint8Array | null {
  const text = value.end - value.start > MAX_DECIMAL_DIGITS ? '' : readRaw(bytes, value);
  if (!DECIMAL.test(text)) return null;
  const hex = BigInt(text).toString(16);
  if (hex === '0') return new Uint8Array();
  return hex.length > MAX_QUANTITY_DIGITS
    ? null
    : Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
}

/** The digits of a `0x` string, unchecked; what may be an escape is no digit. */
function hexDigits(bytes: Uint8Array, { start, end }: Span): Span | null {
  const isHex = bytes[start] === 0x22 && bytes[start + 1] === 0x30 && bytes[start + 2] === 0x78;
  return isHex ? { start: start + 3, end: end - 1 } : null;
}

/** Decodes digits; an odd number of them as if a zero stood before. */
function decode(bytes: Uint8Array, digits: Span): Uint8Array | null {
  const length = (digits.end - digits.start + 1) >> 1;
  const decoded = new Uint8Array(length);
  let invalid = 0;
  for (let to = length - 1, from = digits.end - 1; to >= 0; to--, from -= 2) {
    const low = LOWER_CASE[bytes[from] as number] as number;
    const high = from > digits.start ? (LOWER_CASE[bytes[from - 1] as number] as number) : 0;
    invalid |= low | high;
    decoded[to] = (high << 4) | low;
  }
  return invalid > 15 ? null : decoded;
}
