import { signAsync } from '@noble/secp256k1';

/**
 * Signs the SHA-256 of some bytes by ECDSA over secp256k1: low `s`, deterministic (RFC 6979).
 *
 * @returns `r || s`, 64 bytes in lower-case hex.
 */
export async function signSecp256k1(message: Uint8Array, secretKey: Uint8Array): Promise<string> {
  const options = { lowS: true, prehash: true, format: 'compact', extraEntropy: false } as const;
  return Buffer.from(await signAsync(message, secretKey, options)).toString('hex');
}
