import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { seal, sealSigned } from '../../plugins/chain-sealed-json/index.js';
import type { BlockSigner } from '../../src/contracts/index.js';
import type { Sealer } from './mint.js';

/** What stands before the bytes of a secret key of Ed25519 in PKCS #8 (RFC 8410, section 7). */
const BEFORE_SECRET = '302e020100300506032b657004220420';
const KEY_BYTES = 32;

/** The key of the source: the only producer, where only blocks of producers count. */
const SOURCE = signerOf('01');
/** A key that a liar has made for itself. */
const STRANGER = signerOf('02');
/** Names the key of the source, under a signature that it did not make. */
const FORGER: BlockSigner = {
  publicKey: SOURCE.publicKey,
  signBytes: (message) => STRANGER.signBytes(message),
};

/** Who may write, as the option has it. */
export const SOURCE_KEYS: readonly string[] = [SOURCE.publicKey];

/** The source signs its blocks; liars have no key, their own, or say that theirs is the source's. */
export const signing: Sealer = (payload, place, maker) => {
  const signer = maker === 'source' ? SOURCE : [null, STRANGER, FORGER][place.height % 3];
  return signer === null || signer === undefined ? seal(payload, place) : sealSigned(payload, place, signer);
};

/** The same in each run, unlike a key that is generated. @param byte - of which the secret key consists, in hex */
function signerOf(byte: string): BlockSigner {
  const der = Buffer.from(BEFORE_SECRET + byte.repeat(KEY_BYTES), 'hex');
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    publicKey: spki.toString('hex', spki.length - KEY_BYTES),
    signBytes: (message) => Promise.resolve(signatureOf(message, key)),
  };
}

function signatureOf(message: Uint8Array, key: KeyObject): string {
  return sign(null, createHash('sha256').update(message).digest(), key).toString('hex');
}
