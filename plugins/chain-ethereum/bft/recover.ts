import { recoverPublicKey } from '@noble/secp256k1';
import { keccakBytes, toHex } from '../keccak.js';
import { recoverP256 } from './p256.js';

/** A curve on which a chain's validators sign, as Besu names it. */
export type Curve = 'secp256k1' | 'secp256r1';

/** Half the orders of the curves: of the two signatures that mean the same, only the one with the lower `s` is canonical. */
const HALF_ORDERS: Readonly<Record<Curve, Uint8Array>> = {
  secp256k1: Buffer.from('7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0', 'hex'),
  secp256r1: Buffer.from('7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8', 'hex'),
};
const SEAL_BYTES = 65;
const V_AT = 64;

/** The address that made a signature of 65 bytes (r, s, v with 0 or 1), or why it is none in canonical form. */
export function recoverAddress(
  seal: Uint8Array,
  digest: Uint8Array,
  curve: Curve,
): { readonly address: string } | { readonly fault: string } {
  if (seal.length !== SEAL_BYTES) return { fault: `has ${seal.length} bytes, not ${SEAL_BYTES}` };
  const v = seal[V_AT] as number;
  if (v > 1) return { fault: `ends with ${v}, not 0 or 1` };
  if (Buffer.compare(seal.subarray(32, V_AT), HALF_ORDERS[curve]) > 0)
    return { fault: 'has a high s: it is the twin of a canonical signature' };
  const address = curve === 'secp256k1' ? recoverK1(seal, digest, v) : addressOf(recoverP256(seal, digest));
  return address === null ? { fault: `is no signature of ${curve}` } : { address };
}

function recoverK1(seal: Uint8Array, digest: Uint8Array, v: number): string | null {
  return recover({ r: seal.subarray(0, 32), s: seal.subarray(32, V_AT), recovery: v }, digest);
}

/** @param key - not compressed. */
function addressOf(key: Uint8Array | null): string | null {
  return key === null ? null : toHex(keccakBytes(key.subarray(1)).subarray(12));
}

/** The address that signed a digest on secp256k1; `null` where that is no signature. @param signature - its numbers up to 32 bytes long */
export function recover(
  { r, s, recovery }: { readonly r: Uint8Array; readonly s: Uint8Array; readonly recovery: number },
  digest: Uint8Array,
): string | null {
  if (recovery < 0 || recovery > 1 || r.length > 32 || s.length > 32) return null;
  const signature = new Uint8Array(SEAL_BYTES);
  signature[0] = recovery;
  signature.set(r, 33 - r.length);
  signature.set(s, SEAL_BYTES - s.length);
  try {
    return addressOf(recoverPublicKey(signature, digest, { prehash: false, isCompressed: false }));
  } catch {
    return null;
  }
}
