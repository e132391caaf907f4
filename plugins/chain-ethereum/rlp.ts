/** What RLP encodes: a byte string, a list, or an encoding to take as it is. */
export type Item = Uint8Array | Encoded | readonly Item[];

/** An item that is encoded already. */
export interface Encoded {
  readonly encoded: Uint8Array;
}

/** What RLP decodes to. */
export type Decoded = Uint8Array | readonly Decoded[];

/**
 * Encodes an item in RLP (Ethereum yellow paper, appendix B), into one piece of memory: this is done for each header.
 *
 * @param before - bytes that the result begins with.
 */
export function encode(item: Item, before: Uint8Array = NOTHING): Uint8Array {
  const encoded = new Uint8Array(before.length + lengthOf(item));
  encoded.set(before);
  write(encoded, before.length, item);
  return encoded;
}

const NOTHING = new Uint8Array();
const STRING = 0x80;
const LIST = 0xc0;
/** Above this a length has bytes of its own. */
const SHORT = 55;

function isList(item: Item): item is readonly Item[] {
  return Array.isArray(item);
}

function lengthOf(item: Item): number {
  if (item instanceof Uint8Array) return isOwnEncoding(item) ? 1 : prefixLength(item.length) + item.length;
  if (!isList(item)) return item.encoded.length;
  const length = contentLength(item);
  return prefixLength(length) + length;
}

function contentLength(items: readonly Item[]): number {
  let length = 0;
  for (const item of items) length += lengthOf(item);
  return length;
}

/** @returns the position after it */
function write(target: Uint8Array, at: number, item: Item): number {
  if (item instanceof Uint8Array) {
    const start = isOwnEncoding(item) ? at : writePrefix(target, at, STRING, item.length);
    target.set(item, start);
    return start + item.length;
  }
  if (!isList(item)) {
    target.set(item.encoded, at);
    return at + item.encoded.length;
  }
  let next = writePrefix(target, at, LIST, contentLength(item));
  for (const inner of item) next = write(target, next, inner);
  return next;
}

function isOwnEncoding(bytes: Uint8Array): boolean {
  return bytes.length === 1 && (bytes[0] as number) < STRING;
}

function prefixLength(length: number): number {
  return length <= SHORT ? 1 : 1 + digitsOf(length);
}

/** @returns the position after it */
function writePrefix(target: Uint8Array, at: number, kind: number, length: number): number {
  if (length <= SHORT) {
    target[at] = kind + length;
    return at + 1;
  }
  const digits = digitsOf(length);
  target[at] = kind + SHORT + digits;
  for (let i = digits, rest = length; i > 0; i--, rest = Math.floor(rest / 256)) target[at + i] = rest % 256;
  return at + 1 + digits;
}

/** Bytes of a length, big-endian and without leading zeros. */
function digitsOf(length: number): number {
  let digits = 0;
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits++;
  return digits;
}
