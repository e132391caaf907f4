import { getPublicKey, utils } from '@noble/secp256k1';
import type { Signer } from '../../src/contracts/index.js';
import { signSecp256k1 } from '../../src/internal/node/secp256k1-sign.js';
import { isSecretKeyForm, messageBytes, toHex } from './encoding.js';
import { SCHEME_ID } from './scheme.js';

/**
 * Makes a signer of a secret key. The signatures have a low `s` and are deterministic (RFC 6979): one key gives one
 * message the same signature each time, and no bad source of randomness can give the key away.
 *
 * The signer keeps a copy of the key, taken before this returns, which neither logging nor serialising it shows. `sign` rejects with a `TypeError`
 * for a message that is not ASCII.
 *
 * @param secretKey - 32 bytes, big-endian, from 1 to the order of the curve less 1.
 * @throws TypeError for anything else.
 */
export function secp256k1Signer(secretKey: Uint8Array): Promise<Signer> {
  return new Promise((resolve) => {
    resolve(new Secp256k1Signer(secretKey));
  });
}

/** The public key of a secret key. @throws TypeError */
export function publicKeyOf(secretKey: Uint8Array): string {
  // The message must not say more: what is wrong with a key is a fact about the key.
  if (!isSecretKeyForm(secretKey) || !utils.isValidSecretKey(secretKey)) {
    throw new TypeError(
      'A secret key of secp256k1 has 32 bytes and is from 1 to the order of the curve less 1.',
    );
  }
  return toHex(getPublicKey(secretKey, true));
}

class Secp256k1Signer implements Signer {
  readonly scheme = SCHEME_ID;
  readonly publicKey: string;
  readonly #secretKey: Uint8Array;

  constructor(secretKey: Uint8Array) {
    this.publicKey = publicKeyOf(secretKey);
    this.#secretKey = Uint8Array.from(secretKey);
  }

  async sign(message: string): Promise<string> {
    const bytes = messageBytes(message);
    if (bytes === null) throw new TypeError('A message to sign is ASCII.');
    return signSecp256k1(bytes, this.#secretKey);
  }
}
