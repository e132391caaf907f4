import { MAX_DEPTH } from './scan.js';

/**
 * Most arrays, objects and commas of a document that is held whole. A value takes up to 100 bytes of memory where it has
 * two in the document.
 */
export const MAX_VALUES = 10_000;

/** What a byte means outside of strings. */
const OPENS = 1;
const CLOSES = 2;
const SEPARATES = 3;
const STARTS_STRING = 4;
const KIND = new Uint8Array(256);
for (const byte of [0x7b, 0x5b]) KIND[byte] = OPENS;
for (const byte of [0x7d, 0x5d]) KIND[byte] = CLOSES;
KIND[0x2c] = SEPARATES;
KIND[0x22] = STARTS_STRING;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Whether a JSON document has neither more values than {@link MAX_VALUES} nor more nested ones than {@link MAX_DEPTH}, so that
 * a parser may make objects of it. Looks no further than to the first one too many; whether it is JSON is for the parser to
 * say.
 */
export function isModest(bytes: Uint8Array): boolean {
  let values = 0;
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const kind = KIND[bytes[at] as number];
    if (kind === STARTS_STRING) at = stringEnd(bytes, at + 1);
    else if (kind === OPENS && ++depth > MAX_DEPTH) return false;
    else if (kind === CLOSES) depth--;
    if ((kind === OPENS || kind === SEPARATES) && ++values > MAX_VALUES) return false;
  }
  return true;
}

/** Where the quote stands that ends a string, or the document ends. */
function stringEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}
