const MAX_DIGITS = 16;
const ZERO = 0x30;

/**
 * Reads a height in its canonical decimal spelling (protocol section 1.3); `null` for every other one and for anything
 * above 2^53−1. Digit by digit: each event of a stream has one.
 */
export function parseHeight(text: string): number | null {
  const { length } = text;
  if (length === 0 || length > MAX_DIGITS) return null;
  if (text.charCodeAt(0) === ZERO) return length === 1 ? 0 : null;
  let height = 0;
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return null;
    height = height * 10 + digit;
  }
  return Number.isSafeInteger(height) ? height : null;
}
