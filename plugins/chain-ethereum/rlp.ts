/** Encodes a byte string in RLP (Ethereum yellow paper, appendix B). */
export function encodeString(bytes: Uint8Array): Uint8Array {
  const encoded = new Uint8Array(stringLength(bytes));
  writeString(encoded, 0, bytes);
  return encoded;
}

/** Encodes a list in RLP, of items that are encoded already. */
export function encodeList(items: readonly Uint8Array[]): Uint8Array {
  const length = items.reduce((sum, item) => sum + item.length, 0);
  const encoded = new Uint8Array(prefixLength(length) + length);
  let at = writePrefix(encoded, 0, LIST, length);
  for (const item of items) {
    encoded.set(item, at);
    at += item.length;
  }
  return encoded;
}

/** Encodes a list of byte strings in RLP, into one piece of memory: this is done for each header. */
export function encodeStringList(strings: Iterable<Uint8Array>): Uint8Array {
  const items = [...strings];
  const length = items.reduce((sum, item) => sum + stringLength(item), 0);
  const encoded = new Uint8Array(prefixLength(length) + length);
  let at = writePrefix(encoded, 0, LIST, length);
  for (const item of items) at = writeString(encoded, at, item);
  return encoded;
}

const STRING = 0x80;
const LIST = 0xc0;
/** Above this a length has bytes of its own. */
const SHORT = 55;

function stringLength(bytes: Uint8Array): number {
  return isOwnEncoding(bytes) ? 1 : prefixLength(bytes.length) + bytes.length;
}

/** @returns the position after it */
function writeString(target: Uint8Array, at: number, bytes: Uint8Array): number {
  const start = isOwnEncoding(bytes) ? at : writePrefix(target, at, STRING, bytes.length);
  target.set(bytes, start);
  return start + bytes.length;
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
