/*
 * Of DER (X.690) what blocks need: a sequence of integers and octet strings, and the two integers of an ECDSA signature.
 */

const INTEGER = 0x02;
const OCTETS = 0x04;
const SEQUENCE = 0x30;
/** 32 bytes, and a zero in front of a first bit of 1. */
const MAX_NUMBER_BYTES = 33;

/** A number from 0 on, in as few bytes as it needs. */
export function derInteger(value: bigint): Uint8Array {
  const hex = value.toString(16);
  const digits = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  // A first bit of 1 would make it negative.
  return tagged(INTEGER, (digits[0] as number) > 0x7f ? Buffer.concat([Uint8Array.of(0), digits]) : digits);
}

/** A string of bytes. */
export function derOctets(bytes: Uint8Array): Uint8Array {
  return tagged(OCTETS, bytes);
}

/** A sequence of what is encoded already. */
export function derSequence(...items: readonly Uint8Array[]): Uint8Array {
  return tagged(SEQUENCE, Buffer.concat(items));
}

function tagged(tag: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(tag), lengthOf(content.length), content]);
}

function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const hex = length.toString(16);
  const digits = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([Uint8Array.of(0x80 | digits.length), digits]);
}

/** The two numbers of an ECDSA signature. */
export interface EcdsaNumbers {
  readonly r: bigint;
  readonly s: bigint;
}

/** Reads a signature, a sequence of two positive integers of at most 32 bytes in DER; `null` for any other bytes. */
export function readEcdsaNumbers(signature: Uint8Array): EcdsaNumbers | null {
  const [tag, length = 0] = signature;
  if (tag !== SEQUENCE || length !== signature.length - 2 || length > 0x7f) return null;
  const r = readPositive(signature, 2);
  const s = r === null ? null : readPositive(signature, r.end);
  return r === null || s?.end !== signature.length ? null : { r: r.value, s: s.value };
}

function readPositive(bytes: Uint8Array, at: number): { value: bigint; end: number } | null {
  const length = bytes[at + 1] ?? 0;
  const end = at + 2 + length;
  if (bytes[at] !== INTEGER || length === 0 || length > MAX_NUMBER_BYTES || end > bytes.length) return null;
  const content = bytes.subarray(at + 2, end);
  return isPositive(content) ? { value: BigInt(`0x${Buffer.from(content).toString('hex')}`), end } : null;
}

/** Above zero, in as few bytes as it needs. */
function isPositive([first = 0, second = 0]: Uint8Array): boolean {
  return first === 0 ? second > 0x7f : first <= 0x7f;
}
