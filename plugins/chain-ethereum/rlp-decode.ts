import { type Decoded } from './rlp.js';

/** Lists in lists; what stands in a header has three. */
const MAX_DEPTH = 8;
/** Lists and strings: a thousand validators with their seals, and what stands beside them. */
const MAX_ITEMS = 2_100;
const STRING = 0x80;
const LIST = 0xc0;
const SHORT = 55;

/**
 * Decodes bytes that are the one canonical RLP encoding of an item: shortest lengths, a small byte as itself, nothing
 * behind it. `null` for all others, and for one of more items than any header has: each takes a hundred bytes of memory,
 * and may have one.
 */
export function decode(bytes: Uint8Array): Decoded | null {
  const read = readItem(bytes, 0, { depth: MAX_DEPTH, count: { left: MAX_ITEMS } });
  return read?.end === bytes.length ? read.item : null;
}

interface Read {
  readonly item: Decoded;
  readonly end: number;
}

/** What may still be read. */
interface Room {
  readonly depth: number;
  /** Of all items; one for all lists. */
  readonly count: { left: number };
}

function readItem(bytes: Uint8Array, at: number, room: Room): Read | null {
  const first = bytes[at];
  if (first === undefined || room.depth === 0 || room.count.left-- === 0) return null;
  if (first < STRING) return { item: bytes.subarray(at, at + 1), end: at + 1 };
  const kind = first < LIST ? STRING : LIST;
  const content = contentOf(bytes, at, first - kind);
  if (content === null) return null;
  if (kind === LIST) return readItems(content.bytes, content.end, { ...room, depth: room.depth - 1 });
  const isSmall = content.bytes.length === 1 && (content.bytes[0] as number) < STRING;
  return isSmall ? null : { item: content.bytes, end: content.end };
}

function readItems(content: Uint8Array, end: number, room: Room): Read | null {
  const items: Decoded[] = [];
  for (let at = 0; at < content.length;) {
    const read = readItem(content, at, room);
    if (read === null) return null;
    items.push(read.item);
    at = read.end;
  }
  return { item: items, end };
}

function contentOf(
  bytes: Uint8Array,
  at: number,
  code: number,
): { readonly bytes: Uint8Array; readonly end: number } | null {
  const digits = Math.max(0, code - SHORT);
  const start = at + 1 + digits;
  const length = digits === 0 ? code : longLength(bytes.subarray(at + 1, start));
  const end = start + (length ?? 0);
  return length === null || end > bytes.length ? null : { bytes: bytes.subarray(start, end), end };
}

/** `null` for a length that is not in its shortest form, and for one beyond all documents. */
function longLength(digits: Uint8Array): number | null {
  let length = 0;
  for (const digit of digits) length = length * 256 + digit;
  const isShortest = digits[0] !== 0 && length > SHORT;
  return isShortest && Number.isSafeInteger(length) ? length : null;
}
