import type { verify } from '@noble/secp256k1';
import { Sha256 } from './sha256.js';
import { hexBytes } from './bytes.js';
import type { ProducerScheme } from '../producer-key-form.js';

let curve: { readonly verify: typeof verify } | null = null;

/** Loads what signatures are checked with, which most chains need not. Checks answer at once, so it has to be there before. */
export async function loadSignatures(): Promise<void> {
  curve ??= await import('@noble/secp256k1');
}

/** What is signed: the SHA-256 of a text and of bytes behind it. */
export type SignedPieces = readonly [string, Uint8Array];

/** Checks signatures, as `src/internal/node/signature.ts` does. */
export class SignatureCheck {
  /**
   * Whether a signature is one of a key over some pieces.
   *
   * @param publicKey - in hexadecimal, in the form of its scheme.
   * @param signature - 128 hex digits.
   */
  isSigned(
    _scheme: ProducerScheme,
    publicKey: string,
    [purpose, covered]: SignedPieces,
    signature: string,
  ): boolean {
    if (curve === null) throw new TypeError('What checks signatures is not loaded.');
    const digest = hexBytes(new Sha256().update(purpose).update(covered).hex());
    try {
      return curve.verify(hexBytes(signature), digest, hexBytes(publicKey), { lowS: true, prehash: false });
    } catch {
      // What is no point of the curve is nobody's key.
      return false;
    }
  }
}
