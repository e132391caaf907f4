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

/**
 * Reads the members that a document has to start with, in their exact form. Byte by byte and not by a regular expression:
 * this is done for each block.
 *
 * @throws SyncError `BLOCK_MALFORMED`
 */
export function readStart(document: Uint8Array): DocumentStart {
  const hashAt = BEFORE_HASH.length;
  const heightAt = hashAt + HASH_CHARS + BEFORE_HEIGHT.length;
  const heightEnd = digitsEnd(document, heightAt);
  const parentAt = heightEnd + BEFORE_PARENT.length;
  const parentEnd = parentAt + HASH_CHARS;
  const height = integer(document, heightAt, heightEnd);
  const isExact =
    has(document, 0, BEFORE_HASH) &&
    isHash(document, hashAt) &&
    has(document, hashAt + HASH_CHARS, BEFORE_HEIGHT) &&
    has(document, heightEnd, BEFORE_PARENT) &&
    isHash(document, parentAt) &&
    document[parentEnd] === QUOTE &&
    (document[parentEnd + 1] === COMMA || document[parentEnd + 1] === OBJECT_END);
  if (!isExact || height === null) {
    throw malformed(0, 'no {"hash":"…","height":N,"previousHash":"…" in its exact form');
  }
  const start = Buffer.from(document.buffer, document.byteOffset, parentEnd);
  const hash = start.toString('latin1', hashAt, hashAt + HASH_CHARS);
  return { height, hash, previousHash: start.toString('latin1', parentAt, parentEnd) };
}

function has(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) {
    if (bytes[at + i] !== wanted[i]) return false;
  }
  return true;
}

/** Whether 64 digits of a hash, in lower case, stand at a position. */
function isHash(bytes: Uint8Array, at: number): boolean {
  for (let i = at; i < at + HASH_CHARS; i++) {
    const byte = bytes[i] ?? 0;
    const isDigit = byte >= 0x30 && byte <= 0x39;
    if (!isDigit && !(byte >= 0x61 && byte <= 0x66)) return false;
  }
  return true;
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
