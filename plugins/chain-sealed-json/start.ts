import { latin1Text } from '#platform/bytes';
import type { BlockRef } from '../../src/contracts/index.js';
import { malformed } from '../../src/internal/json/index.js';

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
const BEFORE_HASH = ascii('{"hash":"');
const BEFORE_HEIGHT = ascii('","height":');
const BEFORE_PARENT = ascii(',"previousHash":"');
const HASH_CHARS = 64;
const MAX_HEIGHT_DIGITS = 16;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OBJECT_END = 0x7d;

/** What a document says of its place. */
export interface DocumentStart extends BlockRef {
  readonly previousHash: string;
}

/** What the hashes of a document are supposed to be. */
export type LikelyHashes = Pick<DocumentStart, 'hash' | 'previousHash'>;

const UNKNOWN: LikelyHashes = { hash: '', previousHash: '' };

/**
 * Reads the members that a document has to start with, in their exact form.
 *
 * @throws SyncError `BLOCK_MALFORMED`
 */
export function readStart(document: Uint8Array): DocumentStart {
  const start = findStart(document, 0, UNKNOWN);
  if (start === null) throw malformed(0, 'no {"hash":"…","height":N,"previousHash":"…" in its exact form');
  return start;
}

/**
 * Reads the start of the document at a place; `null` when it has another form. Byte by byte and not by a regular expression:
 * this is done for each block.
 *
 * @param likely - hashes of which it is known that they have the form; a hash that is one of them is not looked at again.
 */
export function findStart(bytes: Uint8Array, at: number, likely: LikelyHashes): DocumentStart | null {
  const hashAt = at + BEFORE_HASH.length;
  const heightAt = hashAt + HASH_CHARS + BEFORE_HEIGHT.length;
  const heightEnd = digitsEnd(bytes, heightAt);
  const parentAt = heightEnd + BEFORE_PARENT.length;
  const parentEnd = parentAt + HASH_CHARS;
  const isExact =
    has(bytes, at, BEFORE_HASH) &&
    has(bytes, hashAt + HASH_CHARS, BEFORE_HEIGHT) &&
    has(bytes, heightEnd, BEFORE_PARENT) &&
    bytes[parentEnd] === QUOTE &&
    (bytes[parentEnd + 1] === COMMA || bytes[parentEnd + 1] === OBJECT_END);
  const height = integer(bytes, heightAt, heightEnd);
  if (!isExact || height === null) return null;
  const hash = hashText(bytes, hashAt, likely.hash);
  const previousHash = hashText(bytes, parentAt, likely.previousHash);
  return hash === null || previousHash === null ? null : { height, hash, previousHash };
}

/** The hash that stands at a position; `null` when none does. The likely one is in memory already: no other is made of it. */
function hashText(bytes: Uint8Array, at: number, likely: string): string | null {
  if (isText(bytes, at, likely)) return likely;
  return isHash(bytes, at) ? latin1Text(bytes, at, at + HASH_CHARS) : null;
}

/** Whether a text of as many characters as a hash stands at a position. */
function isText(bytes: Uint8Array, at: number, text: string): boolean {
  if (text.length !== HASH_CHARS) return false;
  for (let i = 0; i < HASH_CHARS; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

function has(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) {
    if (bytes[at + i] !== wanted[i]) return false;
  }
  return true;
}

/** 0 for the digits of a hash, in lower case; 1 for every other byte. */
const NO_DIGIT = new Uint8Array(256).fill(1);
for (const digit of ascii('0123456789abcdef')) NO_DIGIT[digit] = 0;

/** Whether 64 digits of a hash stand at a position. */
function isHash(bytes: Uint8Array, at: number): boolean {
  let others = 0;
  for (let i = at; i < at + HASH_CHARS; i++) others |= NO_DIGIT[bytes[i] as number] as number;
  return others === 0;
}

function digitsEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  for (let byte = bytes[at] ?? 0; byte >= 0x30 && byte <= 0x39; byte = bytes[at] ?? 0) {
    if (++at - from > MAX_HEIGHT_DIGITS) break;
  }
  return at;
}

/** The canonical decimal between two positions (protocol section 1.3); `null` for anything else, and above 2^53−1. */
function integer(bytes: Uint8Array, from: number, end: number): number | null {
  const digits = end - from;
  if (digits === 0 || digits > MAX_HEIGHT_DIGITS || (digits > 1 && bytes[from] === 0x30)) return null;
  let value = 0;
  for (let at = from; at < end; at++) value = value * 10 + ((bytes[at] as number) - 0x30);
  return Number.isSafeInteger(value) ? value : null;
}
