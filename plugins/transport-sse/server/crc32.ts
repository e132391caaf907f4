/** CRC-32 of RFC 1952: the polynomial without its highest term, the lowest one in the highest bit. */
const POLYNOMIAL = 0xedb88320;
/** The polynomial 1. */
const ONE = 0x80000000;

/**
 * The product of two polynomials over GF(2) modulo that of CRC-32. With `x^(8 n)` of {@link shiftOf} it is what a CRC
 * becomes when `n` more bytes follow (as `crc32_combine` of zlib does it).
 */
export function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= shifted;
    shifted = (shifted & 1) === 0 ? shifted >>> 1 : (shifted >>> 1) ^ POLYNOMIAL;
  }
  return product >>> 0;
}

/** `x^(8 n)`: what a length in bytes does to the CRC of what comes before. */
export function shiftOf(bytes: number): number {
  let power = BYTE;
  let shift = ONE;
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) shift = multiply(power, shift);
    power = multiply(power, power);
  }
  return shift >>> 0;
}

/** `x^8`. */
const BYTE = ONE >>> 8;

/**
 * CRC-32 of two pieces, one after the other.
 *
 * @param shift - {@link shiftOf} the length of the second.
 */
export function combine(first: number, second: number, shift: number): number {
  return (multiply(shift, first) ^ second) >>> 0;
}
