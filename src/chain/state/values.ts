import { isSyncError } from '../../errors/index.js';
import { scanDocument } from '../../internal/json/index.js';
import { faultOf, hasHalfPair, MAX_VALUE_DEPTH } from './faults.js';

/** Longest key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1024;

/** Largest value, in bytes. */
const MAX_VALUE_BYTES = 16 * 1024 * 1024;

/** A value is scanned as the one member of an object; the scanner knows objects only. */
const OPENING = Uint8Array.of(0x7b, 0x22, 0x76, 0x22, 0x3a);
const CLOSING = 0x7d;
const SCAN = { maxDepth: MAX_VALUE_DEPTH + 1, names: ['v'] };

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Checks a key of the state. @throws TypeError */
export function checkKey(key: string): void {
  if (typeof key !== 'string' || key === '') throw new TypeError('A key of the state is a non-empty string.');
  if (hasHalfPair(key)) throw new TypeError('A key of the state has half a surrogate pair in it.');
  // Three bytes are the most that one unit of a string can come to.
  if (key.length * 3 <= MAX_KEY_BYTES) return;
  const { byteLength } = encoder.encode(key);
  if (byteLength <= MAX_KEY_BYTES) return;
  throw new TypeError(`A key of the state has ${byteLength} bytes, more than ${MAX_KEY_BYTES}.`);
}

/** The bytes that a value is kept as. @throws TypeError for what JSON would drop or change. */
export function encodeValue(value: unknown): Uint8Array {
  const fault = faultOf(value);
  if (fault !== null) throw new TypeError(`The state can't hold ${fault}.`);
  const bytes = encoder.encode(JSON.stringify(value));
  checkSize(bytes);
  return bytes;
}

/** A copy of bytes that are one JSON value. @throws TypeError */
export function checkedCopy(bytes: Uint8Array): Uint8Array {
  if (!(bytes instanceof Uint8Array)) throw new TypeError('`putBytes` takes a Uint8Array.');
  checkSize(bytes);
  if (isSpace(bytes[0]) || isSpace(bytes.at(-1)))
    throw new TypeError('A state value has white space around it.');
  const member = new Uint8Array(OPENING.length + bytes.length + 1);
  member.set(OPENING);
  member.set(bytes, OPENING.length);
  member[member.length - 1] = CLOSING;
  checkScan(member);
  return member.slice(OPENING.length, -1);
}

/** The value that bytes of the state stand for. */
export function decodeValue(bytes: Uint8Array): unknown {
  return JSON.parse(decoder.decode(bytes));
}

function checkScan(member: Uint8Array): void {
  try {
    if (scanDocument(member, SCAN).count === 1) return;
  } catch (error) {
    if (!isSyncError(error)) throw error;
    throw new TypeError(
      `A state value is not one JSON value of at most ${MAX_VALUE_DEPTH} levels on one line.`,
      {
        cause: error,
      },
    );
  }
  throw new TypeError('A state value is more than one JSON value.');
}

function checkSize({ byteLength }: Uint8Array): void {
  if (byteLength <= MAX_VALUE_BYTES) return;
  throw new TypeError(`A state value has ${byteLength} bytes, more than ${MAX_VALUE_BYTES}.`);
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}
