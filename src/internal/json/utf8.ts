import { malformed } from './fail.js';

/**
 * Skips one character of two to four bytes, in the well-formed sequences of Unicode table 3-7 only: nothing overlong,
 * no surrogates, nothing above U+10FFFF.
 *
 * @returns the position after it.
 * @throws SyncError `BLOCK_MALFORMED`
 */
export function skipMultibyte(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at] as number;
  const length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  const next = at + length;
  if (length === 0 || next > end || !secondFits(lead, bytes[at + 1] as number)) throw invalid(at);
  for (let i = at + 2; i < next; i++) {
    if (((bytes[i] as number) & 0xc0) !== 0x80) throw invalid(at);
  }
  return next;
}

/** Four lead bytes narrow the range of the second byte; that is where overlong forms and surrogates would be. */
function secondFits(lead: number, second: number): boolean {
  if (lead === 0xe0) return second >= 0xa0 && second <= 0xbf;
  if (lead === 0xed) return second >= 0x80 && second <= 0x9f;
  if (lead === 0xf0) return second >= 0x90 && second <= 0xbf;
  if (lead === 0xf4) return second >= 0x80 && second <= 0x8f;
  return second >= 0x80 && second <= 0xbf;
}

function invalid(at: number): Error {
  return malformed(at, 'invalid UTF-8');
}
