import { utils, verifyAsync } from '@noble/secp256k1';
import type { SignatureScheme } from '../../src/contracts/index.js';
import { messageBytes, publicKeyBytes, signatureBytes } from './encoding.js';

/** Name of the scheme on the wire and in key files. */
export const SCHEME_ID = 'secp256k1';

/**
 * ECDSA over secp256k1 with SHA-256 (SEC 1, section 4.1.4). Of the two signatures that ECDSA has for one message and
 * nonce, only the one with the low `s` counts (BIP 146), so that a signature can't be turned into another one.
 */
export const scheme: SignatureScheme = { id: SCHEME_ID, isPublicKey, verify };

/** Whether it is also a point of the curve. */
function isPublicKey(text: string): boolean {
  const bytes = publicKeyBytes(text);
  return bytes !== null && utils.isValidPublicKey(bytes, true);
}

async function verify(message: string, signature: string, publicKey: string): Promise<boolean> {
  const [messageIn, signatureIn, key] = [
    messageBytes(message),
    signatureBytes(signature),
    publicKeyBytes(publicKey),
  ];
  if (messageIn === null || signatureIn === null || key === null) return false;
  // The asynchronous call hashes with WebCrypto; the other one needs a hash set for all users of the library.
  return verifyAsync(signatureIn, messageIn, key, { lowS: true, prehash: true, format: 'compact' });
}
