import type { Span } from './span.js';

/*
 * Readers of values that a scan has found: the bytes are known to be well-formed JSON. A reader answers `null` when
 * the value is of another kind.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const ZERO = 0x30;
const MAX_INTEGER_DIGITS = 16;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The raw text of a value. */
export function readRaw(bytes: Uint8Array, value: Span): string {
  return shortAscii(bytes, value) ?? decoder.decode(bytes.subarray(value.start, value.end));
}

/** Names, numbers and hashes are short; for them a decoder's call costs more than its work. */
function shortAscii(bytes: Uint8Array, { start, end }: Span): string | null {
  if (end - start > 80) return null;
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte > 0x7f) return null;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** A string's text, escapes resolved. */
export function readString(bytes: Uint8Array, value: Span): string | null {
  if (bytes[value.start] !== QUOTE) return null;
  return readPlainString(bytes, value) ?? (JSON.parse(readRaw(bytes, value)) as string);
}

/** Where the text of a string stands that has no escapes in it; its bytes are the text. */
export function plainStringSpan(bytes: Uint8Array, value: Span): Span | null {
  if (bytes[value.start] !== QUOTE) return null;
  for (let i = value.start; i < value.end; i++) {
    if (bytes[i] === BACKSLASH) return null;
  }
  return { start: value.start + 1, end: value.end - 1 };
}

/** The text of a string that has no escapes in it. */
export function readPlainString(bytes: Uint8Array, value: Span): string | null {
  const span = plainStringSpan(bytes, value);
  return span === null ? null : readRaw(bytes, span);
}

/** An integer between −(2^53−1) and 2^53−1, spelled without fraction, exponent or negative zero. */
export function readInteger(bytes: Uint8Array, { start, end }: Span): number | null {
  if (bytes[start] !== MINUS)
    return bytes[start] === ZERO && end - start === 1 ? 0 : readDigits(bytes, start, end);
  const value = readDigits(bytes, start + 1, end);
  return value === null ? null : -value;
}

/** At most 16 digits, the first of them no zero; `null` for anything else and above 2^53−1. */
function readDigits(bytes: Uint8Array, from: number, end: number): number | null {
  if (bytes[from] === ZERO || end === from || end - from > MAX_INTEGER_DIGITS) return null;
  let value = 0;
  for (let i = from; i < end; i++) {
    const digit = (bytes[i] as number) - ZERO;
    if (digit < 0 || digit > 9) return null;
    value = value * 10 + digit;
  }
  return Number.isSafeInteger(value) ? value : null;
}

/** Whether a value is `null`. */
export function isNull(bytes: Uint8Array, value: Span): boolean {
  return bytes[value.start] === 0x6e;
}
