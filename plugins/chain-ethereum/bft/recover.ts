import { recoverPublicKey } from '@noble/secp256k1';
import { keccakBytes, toHex } from '../keccak.js';

/** Half the order of secp256k1: of the two signatures that mean the same, only the one with the lower `s` is canonical. */
const HALF_ORDER = Buffer.from('7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0', 'hex');
const SEAL_BYTES = 65;
const V_AT = 64;

/** The address that made a signature of 65 bytes (r, s, v with 0 or 1), or why it is none in canonical form. */
export function recoverAddress(
  seal: Uint8Array,
  digest: Uint8Array,
): { readonly address: string } | { readonly fault: string } {
  if (seal.length !== SEAL_BYTES) return { fault: `has ${seal.length} bytes, not ${SEAL_BYTES}` };
  const v = seal[V_AT] as number;
  if (v > 1) return { fault: `ends with ${v}, not 0 or 1` };
  if (Buffer.compare(seal.subarray(32, V_AT), HALF_ORDER) > 0)
    return { fault: 'has a high s: it is the twin of a canonical signature' };
  const address = recover({ r: seal.subarray(0, 32), s: seal.subarray(32, V_AT), recovery: v }, digest);
  return address === null ? { fault: 'is no signature of secp256k1' } : { address };
}

/** The address that signed a digest; `null` where that is no signature. @param signature - its numbers up to 32 bytes long */
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
    const key = recoverPublicKey(signature, digest, { prehash: false, isCompressed: false });
    return toHex(keccakBytes(key.subarray(1)).subarray(12));
  } catch {
    return null;
  }
}
