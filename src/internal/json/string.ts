import { malformed } from './fail.js';
import type { Input } from './input.js';
import { BACKSLASH, CONTROL, HEX_VALUE, PLAIN, QUOTE, SIMPLE_ESCAPE, STRING_KIND } from './tables.js';
import { skipMultibyte } from './utf8.js';

/**
 * Skips a string.
 *
 * @param from - the position after the opening quote.
 * @returns the position after the closing quote.
 * @throws SyncError `BLOCK_MALFORMED`
 */
export function skipString(input: Input, from: number): number {
  const { bytes, end } = input;
  let i = from;
  while (i < end) {
    const kind = STRING_KIND[bytes[i] as number];
    if (kind === QUOTE) return i + 1;
    i = kind === PLAIN ? skipPlain(input.view, i + 1, end) : skipSpecial(bytes, i, end, kind);
  }
  throw malformed(end, 'the end inside a string');
}

/** Skips bytes that need no look, eight at a time, up to one that does or to the last few before the end. */
export function skipPlain(view: DataView, from: number, end: number): number {
  let i = from;
  for (const last = end - 8; i <= last; i += 8) {
    const low = marks(view.getInt32(i, true));
    const high = marks(view.getInt32(i + 4, true));
    if ((low | high) !== 0) return i + (low !== 0 ? lowestByte(low) : 4 + lowestByte(high));
  }
  return i;
}

/**
 * Marks, with its high bit, every byte of four that is a control character, a quote, a backslash or part of a longer
 * character. A borrow can mark a byte falsely, but only above one that is marked rightly: the lowest mark is true.
 */
function marks(word: number): number {
  const control = word - 0x20202020;
  const quote = (word ^ 0x22222222) - 0x01010101;
  const backslash = (word ^ 0x5c5c5c5c) - 0x01010101;
  return (word | control | quote | backslash) & 0x80808080;
}

function lowestByte(marked: number): number {
  return (31 - Math.clz32(marked & -marked)) >> 3;
}

function skipSpecial(bytes: Uint8Array, at: number, end: number, kind: number | undefined): number {
  if (kind === BACKSLASH) return skipEscape(bytes, at, end);
  if (kind === CONTROL) throw malformed(at, 'a raw control character inside a string');
  return skipMultibyte(bytes, at, end);
}

/** Surrogates must come in pairs: a lone one has no UTF-8 form, and parsers disagree on what to make of it. */
function skipEscape(bytes: Uint8Array, at: number, end: number): number {
  const next = at + 1 < end ? (bytes[at + 1] as number) : 0;
  if (SIMPLE_ESCAPE[next] === 1) return at + 2;
  const unit = codeUnit(bytes, at, end);
  if (unit < 0) throw malformed(at, 'an invalid escape');
  if ((unit & 0xf800) !== 0xd800) return at + 6;
  const paired = unit < 0xdc00 && (codeUnit(bytes, at + 6, end) & 0xfc00) === 0xdc00;
  if (!paired) throw malformed(at, 'an unpaired surrogate');
  return at + 12;
}

/** The value of the `\uXXXX` at a position; -1 when there is none. */
function codeUnit(bytes: Uint8Array, at: number, end: number): number {
  if (at + 6 > end || bytes[at] !== 0x5c || bytes[at + 1] !== 0x75) return -1;
  let unit = 0;
  for (let i = at + 2; i < at + 6; i++) {
    const digit = HEX_VALUE[bytes[i] as number] as number;
    if (digit > 15) return -1;
    unit = (unit << 4) | digit;
  }
  return unit;
}
