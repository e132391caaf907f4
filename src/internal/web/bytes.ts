/* What `src/internal/node/bytes.ts` does, with what all platforms have. */

/** The same bytes: nothing here searches quicker. */
export function quickView(bytes: Uint8Array): Uint8Array {
  return bytes;
}

/** All bytes behind each other, in memory of their own. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Negative where the first bytes come before the others, 0 where they are the same. */
export function compareBytes(some: Uint8Array, others: Uint8Array): number {
  const shared = Math.min(some.length, others.length);
  for (let i = 0; i < shared; i++) {
    const difference = (some[i] as number) - (others[i] as number);
    if (difference !== 0) return Math.sign(difference);
  }
  return Math.sign(some.length - others.length);
}

/** Where some bytes are found in others, from a place on; -1 where they are not. */
export function indexOfBytes(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  const [first] = wanted;
  if (first === undefined) return from;
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

const encoder = new TextEncoder();

/** The bytes of a text in UTF-8. */
export function utf8Bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** More arguments of one call than this may be too many. */
const CALL_BYTES = 4096;

/** The text whose characters are the bytes from one place to another. */
export function latin1Text(bytes: Uint8Array, from = 0, to = bytes.length): string {
  // The decoder of that name is one of windows-1252.
  let text = '';
  const end = Math.min(to, bytes.length);
  for (let at = from; at < end; at += CALL_BYTES)
    text += String.fromCharCode(...bytes.subarray(at, Math.min(at + CALL_BYTES, end)));
  return text;
}

/** The bytes that a hexadecimal text spells. */
export function hexBytes(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  );
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Bytes in hexadecimal. */
export function hexText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte] as string;
  return text;
}

/** Bytes in base64url, without padding. */
export function base64UrlText(bytes: Uint8Array): string {
  return btoa(latin1Text(bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/**
 * Decodes base64 into other bytes from a place on.
 *
 * @returns how many bytes it made: 0 for what is no base64
 */
export function writeBase64(text: string, into: Uint8Array, at: number): number {
  const decoded = decode(text);
  const length = Math.min(decoded.length, into.length - at);
  for (let i = 0; i < length; i++) into[at + i] = decoded.charCodeAt(i);
  return length;
}

function decode(text: string): string {
  try {
    return atob(text);
  } catch {
    return '';
  }
}
