/*
 * A writer and a strict reader of protobuf's wire format, in the one form that the common encoders make: fields in ascending
 * order, scalars that are zero left out, numbers in as few bytes as they need. Only what has this form can be told from
 * another encoding of the same message.
 */

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
/** Field numbers of the messages that are read here are small; two bytes of tag are enough for 2,047. */
const MAX_FIELD = 2047;
const MAX_VARINT_BYTES = 10;
const MASK_64 = (1n << 64n) - 1n;

type Parts = readonly Uint8Array[];

/** An unsigned number of 64 bits; negative ones as their two's complement. */
export function varint(value: bigint | number): Uint8Array {
  let rest = BigInt(value) & MASK_64;
  const bytes: number[] = [];
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

/** A field of an integer or an enum; nothing for zero. */
export function intField(field: number, value: bigint | number): Parts {
  return BigInt(value) === 0n ? [] : [varint((field << 3) | VARINT), varint(value)];
}

/** A field of eight bytes, little-endian; nothing for zero. */
export function fixed64Field(field: number, value: bigint): Parts {
  if (value === 0n) return [];
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, value, true);
  return [varint((field << 3) | FIXED64), bytes];
}

/** A field of bytes or text; nothing for none. */
export function bytesField(field: number, value: Uint8Array | string): Parts {
  return value.length === 0
    ? []
    : messageField(field, typeof value === 'string' ? Buffer.from(value) : value);
}

/** A field of a message, which is there even if it is empty. */
export function messageField(field: number, message: Uint8Array): Parts {
  return [varint((field << 3) | BYTES), varint(message.length), message];
}

/** A message of its fields. */
export function message(...fields: readonly Parts[]): Uint8Array {
  return Buffer.concat(fields.flat());
}

/** A field as it stands in a message: a number, or bytes. */
export interface ReadField {
  readonly field: number;
  readonly value: bigint | Uint8Array;
}

/**
 * Reads a message; `null` when it is none, or not in its one form. Fields are in ascending order, repeated ones together.
 *
 * @param most - fields that it may have: one of two bytes takes a hundred times as much memory when it is read.
 */
export function readMessage(bytes: Uint8Array, most: number): readonly ReadField[] | null {
  const fields: ReadField[] = [];
  let at = 0;
  let last = 0;
  while (at < bytes.length) {
    if (fields.length === most) return null;
    const tag = readVarint(bytes, at);
    if (tag === null) return null;
    const field = Number(tag.value >> 3n);
    const read = field < last || field < 1 || field > MAX_FIELD ? null : readValue(bytes, tag.end, tag.value);
    if (read === null) return null;
    fields.push({ field, value: read.value });
    last = field;
    at = read.end;
  }
  return fields;
}

interface Read<T> {
  readonly value: T;
  readonly end: number;
}

function readValue(bytes: Uint8Array, at: number, tag: bigint): Read<bigint | Uint8Array> | null {
  const wire = Number(tag & 7n);
  const number = wire === VARINT || wire === BYTES ? readVarint(bytes, at) : null;
  if (number === null) return null;
  // Zero is left out by every encoder.
  if (wire === VARINT) return number.value === 0n ? null : number;
  const end = number.end + Number(number.value);
  return end > bytes.length ? null : { value: bytes.subarray(number.end, end), end };
}

/** A number in as few bytes as it needs, below 2^64. */
function readVarint(bytes: Uint8Array, from: number): Read<bigint> | null {
  let value = 0n;
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    const byte = bytes[from + i];
    if (byte === undefined) return null;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return (byte === 0 && i > 0) || value > MASK_64 ? null : { value, end: from + i + 1 };
  }
  return null;
}
