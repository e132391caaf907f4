const MANTISSA = 0x7fffff;
const SIGN = 0x800000;
const HASH_BITS = 256n;

/** The target that a header's compact number stands for; `null` for a number that is none. */
export function targetOf(bits: number): bigint | null {
  const exponent = bits >>> 24;
  const mantissa = BigInt(bits & MANTISSA);
  if ((bits & SIGN) !== 0 || mantissa === 0n) return null;
  const target =
    exponent <= 3 ? mantissa >> BigInt(8 * (3 - exponent)) : mantissa << BigInt(8 * (exponent - 3));
  return target === 0n || target >> HASH_BITS !== 0n ? null : target;
}

/** Whether a hash, as it is shown, is not above a target. */
export function isWithin(hash: string, target: bigint): boolean {
  return BigInt(`0x${hash}`) <= target;
}
