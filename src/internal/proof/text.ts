const LOWER = /^(?:[0-9a-f]{2})*$/;
const UPPER = /^(?:[0-9A-F]{2})*$/;

/** Bytes of hexadecimal digits of one case; `null` for any other text. */
export function hexBytes(text: string, letters: 'lower' | 'upper'): Uint8Array | null {
  return (letters === 'lower' ? LOWER : UPPER).test(text) ? Buffer.from(text, 'hex') : null;
}

/** Bytes of standard base64 with its padding, of which each has one spelling; `null` for any other text. */
export function base64Bytes(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

/** Bytes in lower-case hexadecimal digits. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

/** Whether two runs of bytes are the same. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && Buffer.compare(one, other) === 0;
}
