import {
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import type { BlockSigner } from '../../src/contracts/index.js';
import { checkKeyPath, readKeyText, writeKeyText } from '../../src/internal/node/key-file.js';
import { keyUnusable } from '../../src/internal/node/private-file.js';
import { oneOf } from '../../src/internal/options/index.js';
import type { ProducerScheme } from '../../src/internal/producer-key-form.js';

const SCHEMES = ['secp256k1', 'ed25519'] as const satisfies readonly ProducerScheme[];
const SECRET_KEY = /^[0-9a-f]{64}$/;
const SECRET_KEY_BYTES = 32;
/** What stands before the bytes of a secret key of Ed25519 in PKCS #8 (RFC 8410, section 7). */
const BEFORE_SECRET = Buffer.from('302e020100300506032b657004220420', 'hex');
const KEY_BYTES = 32;

/**
 * Reads a producer's key from a key file: one JSON object with `format` `blockferry-key`, `version` 1, `scheme`
 * `secp256k1` or `ed25519`, `publicKey` and `secretKey` in lower-case hex; that of Ed25519 is the 32 bytes of RFC 8032,
 * section 5.1.5. Further members are ignored.
 *
 * A file that its group or others may read, write or execute is refused, where files have modes.
 *
 * @throws TypeError for what is no path.
 * @throws SyncError `KEY_UNUSABLE`; no message has anything of the secret key in it.
 */
export async function readProducerKey(path: string): Promise<BlockSigner> {
  checkKeyPath('readProducerKey', path);
  const { scheme, publicKey, secretKey } = await readKeyText(path, SCHEMES);
  const isText = typeof secretKey === 'string' && SECRET_KEY.test(secretKey);
  const signer = isText ? signerOf(scheme, Buffer.from(secretKey, 'hex')) : null;
  if (signer === null) throw keyUnusable(path, `holds no secret key of ${scheme}`);
  if (signer.publicKey !== publicKey)
    throw keyUnusable(path, 'names a public key that is not that of its secret key');
  return signer;
}

/**
 * Makes a new key of the system's randomness and writes it to a new file that only its owner may read (mode 0600).
 *
 * @returns the public key, as `producers` has it.
 * @throws TypeError for what is no path or no scheme.
 * @throws SyncError `INPUT_UNREADABLE` when there is a file already, which is never overwritten, or writing fails.
 */
export async function generateProducerKey(
  path: string,
  scheme: 'secp256k1' | 'ed25519',
): Promise<{ readonly publicKey: string }> {
  checkKeyPath('generateProducerKey', path);
  oneOf(SCHEMES).read(scheme, { owner: 'generateProducerKey', path: 'scheme' });
  for (;;) {
    const secretKey = randomBytes(SECRET_KEY_BYTES);
    const signer = signerOf(scheme, secretKey);
    // One in 2^128 is no key of secp256k1.
    if (signer === null) continue;
    const { publicKey } = signer;
    await writeKeyText(path, { scheme, publicKey, secretKey: secretKey.toString('hex') });
    return { publicKey };
  }
}

/** `null` for a key that is out of range. */
function signerOf(scheme: string, secretKey: Buffer): BlockSigner | null {
  try {
    return scheme === 'ed25519' ? new Ed25519Signer(secretKey) : new Secp256k1Signer(secretKey);
  } catch {
    return null;
  }
}

class Ed25519Signer implements BlockSigner {
  readonly publicKey: string;
  readonly #key: KeyObject;

  constructor(secretKey: Buffer) {
    const der = Buffer.concat([BEFORE_SECRET, secretKey]);
    this.#key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    const spki = createPublicKey(this.#key).export({ format: 'der', type: 'spki' });
    this.publicKey = spki.toString('hex', spki.length - KEY_BYTES);
  }

  signBytes(message: Uint8Array): Promise<string> {
    const digest = createHash('sha256').update(message).digest();
    return Promise.resolve(sign(null, digest, this.#key).toString('hex'));
  }
}

class Secp256k1Signer implements BlockSigner {
  readonly publicKey: string;
  readonly #secretKey: Buffer;

  constructor(secretKey: Buffer) {
    const ecdh = createECDH('secp256k1');
    ecdh.setPrivateKey(secretKey);
    this.publicKey = ecdh.getPublicKey('hex', 'compressed');
    this.#secretKey = secretKey;
  }

  async signBytes(message: Uint8Array): Promise<string> {
    // OpenSSL has no deterministic nonces; a chain that signs nothing does not load what has.
    const { signSecp256k1 } = await import('../../src/internal/node/secp256k1-sign.js');
    return signSecp256k1(message, this.#secretKey);
  }
}
