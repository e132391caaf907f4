import { createHash, createPublicKey, createVerify, type KeyObject, verify } from 'node:crypto';
import type { ProducerScheme } from '../producer-key-form.js';

/*
 * Signatures of blocks (protocol section 1.7), by node:crypto. `src/internal/web/signature.ts` has the same for other
 * platforms; which one is meant by `#platform/signature`, the `imports` of `package.json` say.
 */

/** What stands before the bytes of a key in its SubjectPublicKeyInfo (RFC 5480, section 2; RFC 8410, section 4). */
const BEFORE_KEY = {
  secp256k1: Buffer.from('3036301006072a8648ce3d020106052b8104000a032200', 'hex'),
  ed25519: Buffer.from('302a300506032b6570032100', 'hex'),
} as const;
/** Half the order of secp256k1: the greatest `s` that counts (BIP 146). */
const MAX_LOW_S = '7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0';
/** Keys that are kept ready; a chain has fewer producers. */
const MAX_KEYS = 256;

/** What is signed: the SHA-256 of a text and of bytes behind it. */
export type SignedPieces = readonly [string, Uint8Array];

/** Checks signatures, and keeps the keys that it makes for that. */
export class SignatureCheck {
  /** Making a key costs a fifth of a check. */
  readonly #keys = new Map<string, KeyObject>();

  /**
   * Whether a signature is one of a key over some pieces.
   *
   * @param publicKey - in hexadecimal, in the form of its scheme.
   * @param signature - 128 hex digits.
   */
  isSigned(scheme: ProducerScheme, publicKey: string, pieces: SignedPieces, signature: string): boolean {
    const bytes = Buffer.from(signature, 'hex');
    try {
      const key = this.#key(publicKey, BEFORE_KEY[scheme]);
      return scheme === 'secp256k1' ? isEcdsa(pieces, bytes, key) : isEd25519(pieces, bytes, key);
    } catch {
      // What is no point of the curve is nobody's key.
      return false;
    }
  }

  #key(publicKey: string, before: Buffer): KeyObject {
    const known = this.#keys.get(publicKey);
    if (known !== undefined) return known;
    const der = Buffer.concat([before, Buffer.from(publicKey, 'hex')]);
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    if (this.#keys.size >= MAX_KEYS) this.#keys.clear();
    this.#keys.set(publicKey, key);
    return key;
  }
}

/** Of the two signatures for one nonce only the one with the low `s` counts, so that nobody can make another of it. */
function isEcdsa([purpose, covered]: SignedPieces, bytes: Buffer, key: KeyObject): boolean {
  if (bytes.toString('hex', 32) > MAX_LOW_S) return false;
  return createVerify('sha256')
    .update(purpose)
    .update(covered)
    .verify({ key, dsaEncoding: 'ieee-p1363' }, bytes);
}

/** OpenSSL refuses an S of the group's order and above, and an R that is not the canonical one (RFC 8032, section 5.1.7). */
function isEd25519([purpose, covered]: SignedPieces, bytes: Buffer, key: KeyObject): boolean {
  return verify(null, createHash('sha256').update(purpose).update(covered).digest(), key, bytes);
}
