import { unexpected } from './fail.js';

/**
 * Skips a number (RFC 8259 section 6). Its size does not matter: no value is built.
 *
 * @returns the position after it.
 * @throws SyncError `BLOCK_MALFORMED`
 */
export function skipNumber(bytes: Uint8Array, from: number): number {
  let i = bytes[from] === 0x2d ? from + 1 : from;
  i = bytes[i] === 0x30 ? i + 1 : skipDigits(bytes, i);
  if (bytes[i] === 0x2e) i = skipDigits(bytes, i + 1);
  const letter = bytes[i];
  if (letter !== 0x65 && letter !== 0x45) return i;
  const sign = bytes[i + 1];
  return skipDigits(bytes, sign === 0x2b || sign === 0x2d ? i + 2 : i + 1);
}

/** One digit at least. */
function skipDigits(bytes: Uint8Array, from: number): number {
  let i = from;
  while (isDigit(bytes[i])) i++;
  if (i === from) throw unexpected(bytes, from, 'a value');
  return i;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}
