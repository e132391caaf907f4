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
  const signature = new Uint8Array(SEAL_BYTES);
  signature[0] = v;
  signature.set(seal.subarray(0, V_AT), 1);
  try {
    const key = recoverPublicKey(signature, digest, { prehash: false, isCompressed: false });
    return { address: toHex(keccakBytes(key.subarray(1)).subarray(12)) };
  } catch {
    return { fault: 'is no signature of secp256k1' };
  }
}
